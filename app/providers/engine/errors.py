"""What ends the engine, each with a code for programs and one sentence for people."""

import errno


class Stop(Exception):
    """The work cannot go on, for the reason that the sentence says."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}
DISK_TEXTS = ("no space left", "file too large", "disk quota", "write failed", "failed writing file", "ioerror")
MEMORY_TEXTS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


def explain(error: BaseException, kept: int | None) -> Stop:
    """Whatever ended the work, as a sentence. ``kept`` is the step of the newest complete checkpoint."""
    if isinstance(error, Stop):
        return error
    said = " ".join(str(one) for one in (error, error.__cause__, error.__context__) if one is not None).lower()
    left = f"The checkpoint of step {kept:,} is whole" if kept is not None else "There is no checkpoint yet"
    if getattr(error, "errno", None) in _NO_ROOM or any(text in said for text in DISK_TEXTS):
        return Stop("disk_full", f"There is no room left on the disk. {left}: make room, then resume.")
    if isinstance(error, MemoryError) or any(text in said for text in MEMORY_TEXTS):
        return Stop(
            "out_of_memory",
            f"The memory did not suffice. {left}: choose a smaller batch or fewer tokens, or close others.",
        )
    first = (str(error).strip().splitlines() or [""])[0][:300].rstrip(".")
    return Stop("failed", f"Training ended with an error ({type(error).__name__}: {first}). {left}. The log says more.")


def explain_model(path: str, error: Exception) -> Stop:
    """Whatever ended the reading of a model as a sentence: its files are a stranger's, and may hold anything."""
    stop = explain(error, None)
    if isinstance(error, Stop) or stop.code != "failed":
        return stop
    if "in the cached files" in str(error):
        said = f"The model {path} is not on this computer, and was not fetched."
        return Stop("no_model", f"{said} Allow the download, see to the network, or name a folder that holds it.")
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
    return Stop("no_model", f"The model {path} cannot be read: {first}.")
