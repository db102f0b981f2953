"""Which place a run's ``where`` names. A kind of place is one line here."""

from collections.abc import Callable, Sequence
from importlib import import_module

from app.core.errors import NotFound
from app.core.training import TARGETS
from app.providers.tuning import Place

# What finds the place of a name, or says None where the name is not of its kind; the first that knows it counts. Each
# is a module of this package with ``find_place(name)`` and ``list_places()``.
KINDS = ("local", "bundles", "hosted")


def find_place(name: str) -> Place:
    """The place of that name: local, bundle, or the id or name of a connection. Raises NotFound."""
    for kind in KINDS:
        place: Place | None = import_module(f"app.services.training.{kind}").find_place(name)
        if place is not None:
            return place
    raise NotFound(f"There is no place {name!r} to train at. `ltt models` lists the connections.", place=name)


def target_of(name: str, method: str) -> str:
    """The export target in whose form a place reads the data of a method; it may not train by that at all."""
    return find_place(name).targets.get(method, TARGETS[method])


def list_places() -> list[Place]:
    """Every place that a run can be sent to."""
    listed: list[Callable[[], Sequence[Place]]] = [
        import_module(f"app.services.training.{kind}").list_places for kind in KINDS
    ]
    return [place for one in listed for place in one()]
