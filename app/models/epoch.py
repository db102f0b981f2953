"""The epoch of a workspace: which life of its database this is. Putting a backup back begins a new one.

What somebody read belongs to the epoch in which it was read, and so does what they write because of it. A session
remembers the epoch that it met first, or is told the one that a page or a job was made in; at the begin of each write,
under the lock, that must still be the present one.
"""

import secrets

from sqlalchemy import BigInteger, Connection, event
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column

from app.core.errors import Restored
from app.models.base import Base, db

# The option of a connection that writes.
WRITE = "ltt_write"
# An epoch has so many versions for each thing. Both together stay below what JavaScript counts exactly (2**53).
VERSIONS = 1_000_000
_MET, _BASED_ON = "ltt_epoch_met", "ltt_epoch_based_on"
_RESTORED = (
    "The workspace was restored from a backup since this was loaded, and nothing was changed. "
    "Load it again, and compare before you repeat it."
)


class Workspace(Base):
    """The one row of what is true of the whole database."""

    __tablename__ = "workspace"

    id: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)


def next_epoch(*earlier: int) -> int:
    """An epoch above all that there were in the lives that a new one follows."""
    return max(earlier) + 1 + secrets.randbelow(1000)


def met_epoch() -> int:
    """The epoch of what this session has read."""
    session = db.session()
    if _MET not in session.info:
        session.connection()
    epoch: int = session.info[_MET]
    return epoch


def base_on_epoch(epoch: int) -> None:
    """Let this session write only while the workspace is in that epoch: what it will write began there."""
    db.session().info[_BASED_ON] = epoch


def require_epoch() -> None:
    """Raise Restored where a backup was put back since what this session is based on, as its writes do."""
    info = db.session().info
    met_epoch()
    if info.get(_BASED_ON, info[_MET]) != info[_MET]:
        raise Restored(_RESTORED)


@event.listens_for(db.session, "after_begin")
def _meet_epoch(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    epoch = connection.exec_driver_sql("SELECT epoch FROM workspace").scalar_one()
    met = session.info.setdefault(_MET, epoch)
    if connection.get_execution_options().get(WRITE) and {met, session.info.get(_BASED_ON, met)} != {epoch}:
        raise Restored(_RESTORED)
