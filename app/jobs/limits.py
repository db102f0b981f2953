"""What a job's process may use. A file that is made to hang or to eat memory ends that process and nothing else."""

import os
import sys
from pathlib import Path

from app.services.tasks import TaskLimits

MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def confine(allowed: TaskLimits, *, file_bytes: int) -> None:
    """Limit the processor time and the size of written files of this process. Without effect on Windows.

    Memory is watched from outside instead: a limit on address space counts what libraries map and never touch.
    """
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    top = allowed.cpu_seconds + 5 if hard == resource.RLIM_INFINITY else min(hard, allowed.cpu_seconds + 5)
    resource.setrlimit(resource.RLIMIT_CPU, (min(allowed.cpu_seconds, top), top))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    top = file_bytes if hard == resource.RLIM_INFINITY else min(hard, file_bytes)
    resource.setrlimit(resource.RLIMIT_FSIZE, (top, top))


def needed_mb(pid: int) -> int | None:
    """The memory in MB that a process forked from this one holds with its children, beyond what it came with.

    None where this system does not tell (all but Linux).
    """
    own, found = _resident_mb(os.getpid(), with_children=False), _resident_mb(pid, with_children=True)
    return None if own is None or found is None else max(found - own, 0)


def _resident_mb(pid: int, *, with_children: bool) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if with_children else []
    except OSError:
        return None
    return pages * _PAGE // MB + sum(_resident_mb(int(child), with_children=True) or 0 for child in children)
