"""The Hugging Face Hub: a dataset is pushed there as the folder that ``load_dataset`` opens."""

from app.providers.hub import HOW_TO_ADD, is_installed
from app.services.hub.pushing import PushRun, has_token, keep_token, push
from app.services.hub.tasks import PUSH

__all__ = ["HOW_TO_ADD", "PUSH", "PushRun", "has_token", "is_installed", "keep_token", "push"]
