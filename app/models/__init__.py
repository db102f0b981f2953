"""Tables and the database they live in."""

from app.models.base import db
from app.models.connection import Connection, FoundServer, ModelUse
from app.models.database import (
    Turns,
    close_cleanly,
    close_connections,
    describe_process,
    empty_log,
    end_reading,
    init_app,
    is_writing,
    open_copy,
    reading,
    transaction,
    wait_shortly,
    write_ahead_log,
    write_lock,
)
from app.models.dataset import Dataset
from app.models.duplicates import DuplicateGroup, DuplicateMember, DuplicatePair, DuplicateScan, NotDuplicate
from app.models.entry import Entry, entry_columns
from app.models.epoch import VERSIONS, Workspace, base_on_epoch, met_epoch, next_epoch, require_epoch
from app.models.exports import Export, ExportPreset
from app.models.filling import fill
from app.models.findings import Check, FoundProblem
from app.models.history import ChangeRow, ChangeSet
from app.models.idempotency import IdempotencyKey
from app.models.ids import read_ids
from app.models.imports import IS_OPEN, Import, QuarantinedRow
from app.models.job import Job
from app.models.ledgers import Ledger, LedgerRow
from app.models.price import Price
from app.models.recipe import SavedRecipe
from app.models.review import Audit, Claim, Comment, Verdict
from app.models.search import EntryFacts, SearchState, SearchWords, StaleEntry
from app.models.snapshots import KeptEntry, Snapshot, SnapshotRange, SnapshotUse
from app.models.training import TrainingRun
from app.models.views import SavedView

__all__ = [
    "IS_OPEN",
    "VERSIONS",
    "Audit",
    "ChangeRow",
    "ChangeSet",
    "Check",
    "Claim",
    "Comment",
    "Connection",
    "Dataset",
    "DuplicateGroup",
    "DuplicateMember",
    "DuplicatePair",
    "DuplicateScan",
    "Entry",
    "EntryFacts",
    "Export",
    "ExportPreset",
    "FoundProblem",
    "FoundServer",
    "IdempotencyKey",
    "Import",
    "Job",
    "KeptEntry",
    "Ledger",
    "LedgerRow",
    "ModelUse",
    "NotDuplicate",
    "Price",
    "QuarantinedRow",
    "SavedRecipe",
    "SavedView",
    "SearchState",
    "SearchWords",
    "Snapshot",
    "SnapshotRange",
    "SnapshotUse",
    "StaleEntry",
    "TrainingRun",
    "Turns",
    "Verdict",
    "Workspace",
    "base_on_epoch",
    "close_cleanly",
    "close_connections",
    "db",
    "describe_process",
    "empty_log",
    "end_reading",
    "entry_columns",
    "fill",
    "init_app",
    "is_writing",
    "met_epoch",
    "next_epoch",
    "open_copy",
    "read_ids",
    "reading",
    "require_epoch",
    "transaction",
    "wait_shortly",
    "write_ahead_log",
    "write_lock",
]
