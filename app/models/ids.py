"""Very many ids at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select

from app.models.base import db


def read_ids(statement: Select[Any], execute: Any = None) -> NDArray[np.int64]:
    """The ids that a select of one column finds, in its order. ``execute`` is that of a session or a connection."""
    execute = execute or db.session.execute
    if db.engine.dialect.name != "sqlite":
        return np.asarray(execute(statement).scalars().all(), np.int64)
    # As one text they are handed over in a third of the time.
    found = statement.subquery()
    listed = execute(select(func.group_concat(next(iter(found.c))))).scalar()
    return np.fromstring(listed or "", np.int64, sep=",")
