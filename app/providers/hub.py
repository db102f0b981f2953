"""The Hugging Face Hub: fetch the card of a dataset, put a folder there. The token is in no message and no log."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.core.errors import Conflict, Invalid, NotFound, Unavailable

_KIND = "dataset"
# What to do where the package is not there.
HOW_TO_ADD = "Pushing to the Hub needs one more package. Add it by: python3 run.py add hub"


def is_installed() -> bool:
    """Whether the package that speaks to the Hub is there."""
    return find_spec("huggingface_hub") is not None


class Hub:
    """The datasets of one account. The library takes another server than the Hub from HF_ENDPOINT."""

    def __init__(self, token: str) -> None:
        # What is asked of the Hub is what is said here: no telemetry, no bars on the terminal.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            raise Unavailable(HOW_TO_ADD, code="no_extra") from error
        self._api: Any = HfApi(token=token)
        self._seen: dict[str, bool] = {}

    def read_file(self, repo: str, path: str) -> bytes | None:
        """A file of a dataset; None where there is none, or no such dataset. Raises as ``push``."""
        from huggingface_hub.errors import EntryNotFoundError

        with _told(repo):
            # The library tries a download again for a minute, but not this.
            if repo not in self._seen:
                self._seen[repo] = bool(self._api.repo_exists(repo, repo_type=_KIND))
            if not self._seen[repo]:
                return None
            try:
                # Not into the cache of the library, which other programs share.
                with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
                    found = self._api.hf_hub_download(repo, path, repo_type=_KIND, local_dir=folder)
                    return Path(found).read_bytes()
            except EntryNotFoundError:
                return None

    def push(self, folder: Path, repo: str, *, private: bool, message: str, remove: list[str]) -> str:
        """Put the files of a folder into a dataset, which is made where there is none; returns its address.

        ``private`` counts for a new one. ``remove`` are files to take away in the same commit.

        Raises Invalid for a name that cannot be, Conflict for a token that is refused, NotFound, and Unavailable where
        the Hub cannot be reached or fails.
        """
        with _told(repo):
            made = self._api.create_repo(repo, repo_type=_KIND, private=private, exist_ok=True)
            self._api.upload_folder(
                repo_id=repo,
                repo_type=_KIND,
                folder_path=folder,
                commit_message=message,
                delete_patterns=remove or None,
            )
            return str(made)


@contextmanager
def _told(repo: str) -> Iterator[None]:
    """Put it around a request: what goes wrong is said in one sentence, without what was sent."""
    from huggingface_hub import errors
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # The base of whatever the library that it speaks through can raise, by whatever name that has.
    unreachable: tuple[type[Exception], ...] = (vars(errors)["HTTPError"], LocalEntryNotFoundError, OSError)

    try:
        yield
    except HFValidationError as error:
        raise Invalid(f"{repo!r} is no name of a dataset. Use OWNER/NAME.", code="bad_repo") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            said = f"The Hub refuses this token for {repo} ({status}). It must be allowed to write there."
            raise Conflict(said, code="hub_token") from None
        if status == 404:
            raise NotFound(f"The Hub has no {repo}, or this token may not see it.", code="no_repo") from None
        raise Unavailable(f"The Hub answers with an error ({status}). Try again later.", code="hub_error") from None
    except unreachable as error:
        raise Unavailable("The Hub cannot be reached. Look at the network and try again.", code="no_hub") from error
