"""Training runs in plain Python: what can be set, what a run is made of, and what follows from both."""

from app.core.training.card import write_card
from app.core.training.planning import count_steps, name_command, number_checkpoints
from app.core.training.settings import (
    COMPARING,
    METHODS,
    TARGETS,
    TrainingSettings,
    change_settings,
    trains_adapter,
    usual_settings,
)
from app.core.training.spec import BASE_KINDS, TOY, Base, FrozenData, RunSpec, decode_spec, encode_spec

__all__ = [
    "BASE_KINDS",
    "COMPARING",
    "METHODS",
    "TARGETS",
    "TOY",
    "Base",
    "FrozenData",
    "RunSpec",
    "TrainingSettings",
    "change_settings",
    "count_steps",
    "decode_spec",
    "encode_spec",
    "name_command",
    "number_checkpoints",
    "trains_adapter",
    "usual_settings",
    "write_card",
]
