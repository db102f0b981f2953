"""What searching, counting and sorting need beside the entries, made from them and never the other way round.

``SearchState`` says how far it is: what lies beyond, and what ``StaleEntry`` names, is looked up in the entries
themselves. The full-text index of a dataset is a table of its own, ``search_DATASET_NUMBER``; PostgreSQL keeps the
words in ``entry_facts.words``.
"""

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.entry import Id

_MIXED = text("is_plain = false")


class EntryFacts(Base):
    """Facts of one entry, as ``core.search.facts`` makes them. They hold where no ``StaleEntry`` says otherwise."""

    __tablename__ = "entry_facts"
    __table_args__ = (
        # Entries whose texts a database cannot search are few, or nearly all.
        Index("ix_entry_facts_mixed", "dataset_id", "entry_id", sqlite_where=_MIXED, postgresql_where=_MIXED),
        {"sqlite_with_rowid": False},
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    chars: Mapped[int] = mapped_column(Integer)
    tokens: Mapped[int] = mapped_column(Integer)
    turns: Mapped[int] = mapped_column(Integer)
    has_tools: Mapped[bool] = mapped_column(Boolean)
    language: Mapped[str] = mapped_column(String(8))
    is_plain: Mapped[bool] = mapped_column(Boolean)


class SearchState(Base):
    """How far facts and index of a dataset are.

    Every entry with an id up to ``facts_upto`` has facts, and every one up to ``index_upto`` is in the index number
    ``index_number`` (0: there is none), unless it was deleted before or is stale. ``build_number`` is an index that is
    made anew to take the other's place, and ``build_upto`` how far that is.
    """

    __tablename__ = "search_states"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True, autoincrement=False)
    facts_upto: Mapped[int] = mapped_column(Id, default=0)
    index_number: Mapped[int] = mapped_column(Integer, default=0)
    index_upto: Mapped[int] = mapped_column(Id, default=0)
    build_number: Mapped[int] = mapped_column(Integer, default=0)
    build_upto: Mapped[int] = mapped_column(Id, default=0)
    # What folded the texts; another one may do it otherwise, so that all is made anew.
    made_by: Mapped[str] = mapped_column(String(40), default="")


class SearchWords(Base):
    """All words of one dataset's index, each once, with a line end before the first one and behind every one.

    They are those of its entries up to ``upto``; None where the index does not keep one of them whole. What comes to
    the index later is not in the list until that is made anew. PostgreSQL has none.
    """

    __tablename__ = "search_words"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True, autoincrement=False)
    index_number: Mapped[int] = mapped_column(Integer)
    upto: Mapped[int] = mapped_column(Id)
    words: Mapped[str | None] = mapped_column(Text)


class StaleEntry(Base):
    """An entry that was written to since the index was made: a search looks at its texts instead.

    ``facts`` says whether its facts are old as well. ``build_number`` is the newest index that was begun before.
    """

    __tablename__ = "stale_entries"
    __table_args__ = (
        Index(
            "ix_stale_entries_facts",
            "dataset_id",
            "entry_id",
            sqlite_where=text("facts"),
            postgresql_where=text("facts"),
        ),
        {"sqlite_with_rowid": False},
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    build_number: Mapped[int] = mapped_column(Integer)
    facts: Mapped[bool] = mapped_column(Boolean)
