"""Pushing a dataset: what lies on the Hub is read, the folder is made, and all of it goes there as one commit."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from app import config, keys
from app.core.bundles import MANIFEST
from app.core.errors import Conflict, Invalid
from app.core.options import option
from app.core.text import plural
from app.providers.hub import Hub
from app.services import datasets
from app.services.export import ExportOptions, find_written, record_export, require_no_leaks, write_bundle
from app.services.jobs import Watch

_REPO = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_VARIABLE = "HF_TOKEN"
_TOKEN = re.compile(r"[\x21-\x7e]{8,500}")


@dataclass(frozen=True, slots=True)
class PushRun:
    """What to push where. A dataset that is new there is private unless ``public``."""

    dataset_id: int
    repo: str = option("", "Dataset on the Hub", "OWNER/NAME.", flag="")
    options: ExportOptions = option(ExportOptions(layout="hugging-face", target="huggingface"), "Export", flag="")
    public: bool = option(False, "Public", "Let everybody see it, where it is made now.")
    message: str = option("", "Message", "What the commit says.", metavar="TEXT")

    def check(self) -> None:
        """Raise NotFound, Invalid for a name that is none, and Conflict where no token is there."""
        datasets.get(self.dataset_id)
        self.options.checked()
        if self.options.bundle != "huggingface":
            raise Invalid("The Hub takes the target huggingface.", code="no_target")
        if not _REPO.fullmatch(self.repo) or ".." in self.repo:
            raise Invalid(f"{self.repo!r} is no name of a dataset. Use OWNER/NAME.", code="bad_repo")
        read_token()
        require_no_leaks(self.dataset_id, self.options)


def read_token() -> str:
    """The token of the Hub: from HF_TOKEN, else the one that was kept. Raises Conflict where there is none.

    What cannot be one is refused here: the library would name it in its error.
    """
    token = os.environ.get(_VARIABLE, "").strip() or keys.read_hub_token(config.data_dir(current_app.config))
    if not token:
        said = f"There is no token of the Hub. Set {_VARIABLE}, or keep one: ltt push --keep-token."
        raise Conflict(said, code="no_token")
    if not _TOKEN.fullmatch(token):
        raise Conflict(f"{_VARIABLE} is no token: it has blanks, or is too short.", code="bad_token")
    return token


def has_token() -> bool:
    """Whether there is a token, wherever it comes from."""
    try:
        return bool(read_token())
    except Conflict:
        return False


def keep_token(token: str) -> None:
    """Keep a token in the data folder, readable by its owner only; an empty one is forgotten. Raises Invalid."""
    token = token.strip()
    if token and not _TOKEN.fullmatch(token):
        raise Invalid("That is no token: it has blanks, or is too short.", code="bad_token")
    keys.keep_hub_token(config.data_dir(current_app.config), token)


def push(run: PushRun, watch: Watch) -> dict[str, object]:
    """Push the folder of a dataset as one commit; returns what programs see of it, with the address.

    The card that lies there keeps what was written into it by hand, and files of an earlier push that are no longer
    part of the set are removed. Raises as ``check`` and as ``Hub.push``.
    """
    run.check()
    hub = Hub(read_token())
    with tempfile.TemporaryDirectory(prefix="ltt-") as temporary:
        folder = Path(temporary)
        watch.progress(0, None, "looking at the Hub")
        before = find_written(hub.read_file(run.repo, MANIFEST))
        result = write_bundle(run.dataset_id, run.options, folder, lambda path: hub.read_file(run.repo, path))
        watch.progress(int(result["records"]), None, "pairs written, on their way to the Hub")
        kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        message = run.message or f"Push {plural(result['records'], 'pair')} from LLM Training Tools"
        stale = sorted(before - kept)
        address = hub.push(folder, run.repo, private=not run.public, message=message, remove=stale)
    sizes = sum(int(file["bytes"]) for file in result["files"])
    facts = {"revision": result["revision"], "pairs_hash": result["pairs_hash"]}
    record_export(run.dataset_id, run.options, way="hub", records=result["records"], size=sizes, sha256=None, **facts)
    return {**result, "repo": run.repo, "address": address, "removed": stale, "summary": f"Pushed to {address}."}
