"""Settings: what can be set, by which environment variable, its default and its meaning. Nothing else is read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import BadUsage

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8765

Value = str | int


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. The type of ``default`` is the type of the value; numbers must lie in ``low`` to ``high``."""

    name: str
    default: Value
    meaning: str
    low: int = 1
    high: int = 2**53
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A setting with its value and where that came from: default, environment or option."""

    setting: Setting
    value: Value
    source: str


_ALL = (
    Setting("LTT_DATA_DIR", str(ROOT / "instance"), "Folder of the database, uploads, backups, secret key and token."),
    Setting("LTT_DATABASE_URL", "", "Address of a PostgreSQL database to use instead of ltt.db in the data folder."),
    Setting("LTT_HOST", "127.0.0.1", "Address to listen on. Only addresses of this machine are accepted."),
    Setting("LTT_PORT", DEFAULT_PORT, "Port to listen on. Unset: 8765, or the next free one.", high=65535),
    Setting("LTT_ALLOWED_HOSTS", "", "More names of this machine, separated by commas, that a browser may use."),
    Setting("LTT_NO_BROWSER", 0, "1 keeps serve from opening the browser.", low=0, high=1),
    Setting("LTT_THREADS", 12, "Requests that are answered at the same time.", high=256),
    Setting("LTT_MAX_LOG_MB", 256, "Most MB that the write-ahead log of the database may take.", low=32),
    Setting("LTT_LOG_LEVEL", "INFO", "How much is logged to stderr.", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
    Setting("LTT_MAX_UPLOAD_MB", 1024, "Largest file that can be uploaded, in MB."),
    Setting("LTT_MAX_FORM_MB", 2, "Largest form or JSON body, in MB."),
    Setting("LTT_INLINE_MB", 2, "Uploads up to this many MB are imported at once, larger ones as a job."),
    Setting("LTT_MAX_FIELD_MB", 1, "Longest single text of an imported row, in MB."),
    Setting("LTT_MAX_LINE_MB", 16, "Longest line of an imported file, in MB."),
    Setting("LTT_MAX_COLUMNS", 1000, "Most columns of an imported file."),
    Setting("LTT_MAX_ROWS", 5_000_000, "Most rows of an imported file."),
    Setting("LTT_MAX_DEPTH", 64, "Deepest nesting of imported JSON."),
    Setting("LTT_MAX_RATIO", 200, "How many times its size a compressed file may grow when it is read."),
    Setting("LTT_MAX_DECODED_MB", 4096, "Most MB that a compressed file may grow to when it is read."),
    Setting("LTT_MAX_WORKBOOK_MB", 1024, "Most MB of memory that a workbook may need while it is read.", low=256),
    Setting(
        "LTT_LOOK_SECONDS", 4, "Seconds of the processor that a page may take to look at a file, a pattern or the like."
    ),
    Setting("LTT_LOOK_MB", 512, "Most MB of memory that such a look, or the conversion of a file, may take.", low=128),
    Setting("LTT_SEMANTIC_MODEL", "", "Folder of a static model (model2vec), by which scans find other words too."),
    Setting("LTT_TRAIN_PYTHON", "", "A Python that has the packages for training, where the own one has not."),
    Setting("LTT_UPLOAD_KEEP_MINUTES", 60, "How long an uploaded file waits for its import or conversion."),
)
SETTINGS = {setting.name: setting for setting in _ALL}


def resolve_settings(
    environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> list[Resolved]:
    """Every setting with its value and source. Raises BadUsage for a value that does not fit."""
    environ = os.environ if environ is None else environ
    resolved = []
    for setting in SETTINGS.values():
        if overrides and setting.name in overrides:
            resolved.append(Resolved(setting, _parse_value(setting, str(overrides[setting.name])), "option"))
        elif text := environ.get(setting.name, ""):
            resolved.append(Resolved(setting, _parse_value(setting, text), "environment"))
        else:
            resolved.append(Resolved(setting, setting.default, "default"))
    return resolved


def load_settings(
    environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> dict[str, Value]:
    """Every setting's value by name."""
    return {resolved.setting.name: resolved.value for resolved in resolve_settings(environ, overrides)}


def is_set(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether somebody set it: an unset port may be exchanged for a free one."""
    return bool((os.environ if environ is None else environ).get(name))


def data_dir(settings: Mapping[str, object]) -> Path:
    """The data folder as an absolute path."""
    return Path(str(settings["LTT_DATA_DIR"])).expanduser().absolute()


def database_file(settings: Mapping[str, object]) -> Path | None:
    """The SQLite file of the database; None where it is another kind of database."""
    said = str(settings["LTT_DATABASE_URL"])
    if not said:
        return data_dir(settings) / "ltt.db"
    return Path(said.removeprefix("sqlite:///").partition("?")[0]) if said.startswith("sqlite:///") else None


def _parse_value(setting: Setting, text: str) -> Value:
    if isinstance(setting.default, int):
        if text.strip().isascii() and text.strip().isdigit() and setting.low <= int(text) <= setting.high:
            return int(text)
        top = "" if setting.high == Setting.__dataclass_fields__["high"].default else f" to {setting.high:,}"
        raise BadUsage(f"{setting.name} must be a whole number from {setting.low}{top}, not {text!r}.")
    if setting.choices and text.upper() not in setting.choices:
        raise BadUsage(f"{setting.name} must be one of {', '.join(setting.choices)}, not {text!r}.")
    return text.upper() if setting.choices else text
