"""Views of a list that are kept by name, for everybody who works on the dataset."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.errors import Invalid, NotFound
from app.models import SavedView, db, transaction
from app.services import datasets, entries

LONGEST_NAME = 60
MOST_VIEWS = 100


def list_views(dataset_id: int) -> Sequence[SavedView]:
    """The views of a dataset by name."""
    query = select(SavedView).where(SavedView.dataset_id == dataset_id).order_by(SavedView.name)
    return db.session.execute(query).scalars().all()


def save_view(dataset_id: int, name: str, query: str) -> SavedView:
    """Keep what an address asks for under a name; one of that name shows it from now on. Raises Invalid."""
    name = " ".join(name.split())
    entries.check_text(name, "name")
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"A name of a view has 1 to {LONGEST_NAME} characters. Type another one.", code="bad_name")
    with transaction() as session:
        datasets.get(dataset_id)
        views = {one.name: one for one in list_views(dataset_id)}
        if name not in views and len(views) >= MOST_VIEWS:
            raise Invalid(f"A dataset keeps at most {MOST_VIEWS} views. Delete one first.", code="many_views")
        view = views.get(name) or SavedView(dataset_id=dataset_id, name=name)
        view.query = query
        session.add(view)
        session.flush()
        return view


def delete_view(dataset_id: int, view_id: int) -> str:
    """Forget a view; the pairs stay. Returns its name. Raises NotFound."""
    with transaction() as session:
        view = session.get(SavedView, view_id)
        if view is None or view.dataset_id != dataset_id:
            raise NotFound(f"There is no view {view_id} in this dataset. It may be deleted already.")
        session.delete(view)
        return view.name
