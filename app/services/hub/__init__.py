"""The Hugging Face Hub: a dataset is pushed there as the folder that ``load_dataset`` opens."""

from app.services.hub.pushing import PushRun, keep_token, push
from app.services.hub.tasks import PUSH

__all__ = ["PUSH", "PushRun", "keep_token", "push"]
