"""Which pairs of a dataset the last search found alike, as plain arrays: what splits go by."""

from array import array
from typing import Any

import numpy as np
from sqlalchemy import Select, select

from app.core.duplicates import Pairs
from app.core.splits.links import links_of
from app.core.splits.rows import Link, SplitRows
from app.models import DuplicatePair, DuplicateScan, reading
from app.services import entries
from app.services.duplicates.corpus import DatasetTexts
from app.services.duplicates.dismissals import dismissed_hashes, split_dismissed

_COLUMNS = ("left_id", "right_id", "level", "score", "differs", "answer_level", "answer_differs")
_KINDS = (np.int32, np.int32, np.uint8, np.float32, np.uint8, np.uint8, np.uint8)


def read_links(scan: DuplicateScan, rows: SplitRows) -> Link:
    """The links that a scan found among these pairs, which are those of its dataset in the order of their ids.

    Left out is what is gone, and what somebody said are no duplicates.
    """
    query: Select[Any] = select(*(getattr(DuplicatePair, name) for name in _COLUMNS))
    parts = [np.zeros((0, len(_COLUMNS)))]
    with reading() as connection:
        mine = query.where(DuplicatePair.scan_id == scan.id, DuplicatePair.left_id > 0, DuplicatePair.right_id > 0)
        for found in entries.fetch_chunks(connection, mine, 5000):
            parts.append(np.array(found, np.float64))
    stored, ids = np.concatenate(parts), np.array(rows.names, np.int64)
    ends = stored[:, :2].astype(np.int64)
    places = np.searchsorted(ids, ends)
    there = np.zeros(len(ends), bool)
    if len(ids):
        there = (ids[np.minimum(places, len(ids) - 1)] == ends).sum(axis=1) == ends.shape[1]
    columns = [*places[there].T, *stored[there, 2:].T]
    pairs = Pairs(*(column.astype(kind) for column, kind in zip(columns, _KINDS, strict=True)))
    likely, _ = split_dismissed(pairs, np.array(rows.contents, np.int64), dismissed_hashes(scan.dataset_id))
    texts = DatasetTexts(scan.dataset_id, ids=array("q", rows.names))
    return links_of(likely, texts.read_answers)
