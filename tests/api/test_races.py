"""Of two writes that are based on the same state exactly one happens, however close they come. Over the API and pages.

Each two are raced ten times, 150 times with ``--faults``, from threads that start together.
"""

import io
import itertools
import threading

import pytest

from app.core.record import Record
from app.services import datasets, duplicates, entries, history, imports, jobs, pairs, tasks, uploads
from app.services.cleaning import recipes
from app.services.duplicates import ScanOptions, ScanRun
from app.services.imports import Settings, quarantine
from tests import factories

API = "/api/v1"
REFUSED = (404, 409, 410)


def twos(verbs):
    return [pytest.param(two, id=" and ".join(two)) for two in itertools.combinations_with_replacement(verbs, 2)]


@pytest.fixture
def race(app, client):
    """Sends requests at the same time, in both orders by turns: ``race([("patch", address, {...}), ...])``."""
    turns = itertools.count()

    def run(requests):
        barrier, statuses = threading.Barrier(len(requests)), {}

        def send(place, method, address, more):
            mine = app.test_client()
            mine.environ_base.update(client.environ_base)
            barrier.wait(30)
            statuses[place] = mine.open(address, method=method, **more).status_code

        if next(turns) % 2:
            requests = requests[::-1]
        threads = [threading.Thread(target=send, args=(place, *one)) for place, one in enumerate(requests)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return sorted(statuses.values())

    return run


@pytest.fixture
def rounds(request):
    return range(1, (150 if request.config.getoption("--faults") else 10) + 1)


@pytest.fixture
def assert_one_wins(race, rounds, app):
    """In each round ``begin`` makes, in a context, what is raced for; ``build`` the requests."""

    def run(begin, build, refused=REFUSED):
        for _ in rounds:
            with app.app_context():
                facts = begin()
            won, lost = race(build(facts))
            assert won in (200, 201, 202, 303) and lost in refused, (won, lost)

    return run


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset()


VERBS = ("patch", "delete", "page", "page delete")


@pytest.mark.parametrize("verbs", twos(VERBS))
def test_of_two_writes_to_a_pair_one_happens(assert_one_wins, dataset_id, verbs):
    texts = itertools.count()

    def begin():
        pairs.add_pair(dataset_id, "Raced for?", "Yes.")
        return next(iter(entries.list_page(dataset_id, datasets.Filters()).entries)).id

    def build(entry_id):
        return [request_of(verb, entry_id, f"Answer {next(texts)}.") for verb in verbs]

    def request_of(verb, entry_id, answer):
        address, match = f"{API}/datasets/{dataset_id}/entries/{entry_id}", {"headers": {"If-Match": '"1"'}}
        page = f"/datasets/{dataset_id}/pairs"
        form = {"question": "Raced for?", "answer": answer, "status": "review", "version": "1"}
        return {
            "patch": ("PATCH", address, {"json": {"answer": answer}, **match}),
            "delete": ("DELETE", address, match),
            "page": ("POST", f"{page}/{entry_id}", {"data": form}),
            "page delete": ("POST", f"{page}/actions", {"data": {"id": entry_id, "version": 1, "action": "delete"}}),
        }[verb]

    assert_one_wins(begin, build)


def test_of_two_restores_of_a_pair_one_happens(assert_one_wins, dataset_id):
    def begin():
        pairs.add_pair(dataset_id, "Raced for?", "Yes.")
        entry_id = next(iter(entries.list_page(dataset_id, datasets.Filters()).entries)).id
        history.delete(dataset_id, [entry_id])
        return entry_id

    def build(entry_id):
        address = f"/datasets/{dataset_id}/pairs/{entry_id}/restore"
        form = {"question": "Raced for?", "status": "review", "version": "2"}
        return [("POST", address, {"data": {**form, "answer": answer}}) for answer in ("Mine.", "Yours.")]

    assert_one_wins(begin, build)


@pytest.mark.parametrize(
    "verbs",
    twos(("patch", "delete", "page", "page delete", "undo")),
)
def test_of_two_writes_to_a_dataset_one_happens(assert_one_wins, verbs):
    names = itertools.count()

    def begin():
        dataset_id = factories.dataset(count=1)
        return dataset_id, datasets.get(dataset_id).revision

    def build(facts):
        dataset_id, revision = facts
        address, match = f"{API}/datasets/{dataset_id}", {"headers": {"If-Match": f'"{revision}"'}}
        page, form = f"/datasets/{dataset_id}", {"revision": revision}
        made = {
            "patch": lambda name: ("PATCH", address, {"json": {"name": name}, **match}),
            "delete": lambda name: ("DELETE", address, match),
            "page": lambda name: ("POST", f"{page}/settings", {"data": {**form, "name": name}}),
            "page delete": lambda name: ("POST", f"{page}/delete", {"data": form}),
            "undo": lambda name: ("POST", f"{address}/history/1/undo", {"json": {}, **match}),
        }
        return [made[verb](f"Name {next(names)}") for verb in verbs]

    assert_one_wins(begin, build)


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_a_step_is_undone_or_redone_once(assert_one_wins, dataset_id, verb):
    def begin():
        number = pairs.add_pair(dataset_id, "Raced for?", "Yes.").step.number
        if verb == "redo":
            history.undo(dataset_id, number)
        return number

    def build(number):
        page = ("POST", f"/datasets/{dataset_id}/history/{verb}", {"data": {"number": number}})
        return [page, ("POST", f"{API}/datasets/{dataset_id}/history/{number}/{verb}", {"json": {}})]

    assert_one_wins(begin, build)


@pytest.mark.parametrize("verbs", twos(("put", "delete", "rename", "drop")))
def test_of_two_writes_to_a_recipe_one_happens(assert_one_wins, dataset_id, verbs):
    names = itertools.count()

    def begin():
        return recipes.create_recipe(f"Recipe {next(names)}").id

    def build(recipe_id):
        address, match = f"{API}/recipes/{recipe_id}", {"headers": {"If-Match": '"1"'}}
        page = f"/datasets/{dataset_id}/recipes/{recipe_id}?version=1"
        made = {
            "put": lambda name: ("PUT", address, {"json": {"name": name, "steps": []}, **match}),
            "delete": lambda name: ("DELETE", address, match),
            "rename": lambda name: ("POST", page, {"data": {"do": "rename", "name": name}}),
            "drop": lambda name: ("POST", page, {"data": {"do": "drop:0"}}),
        }
        return [made[verb](f"Name {next(names)}") for verb in verbs]

    assert_one_wins(begin, build)


@pytest.mark.parametrize("verbs", twos(("keep", "merge", "dismiss", "page")))
def test_a_group_of_duplicates_is_decided_once(assert_one_wins, verbs):
    def begin():
        dataset_id = datasets.create_dataset("Doubled").id
        history.create(dataset_id, [Record("The same?", "Yes."), Record("The same?", "Yes.")], summary="Add")
        tasks.start(duplicates.SCAN, ScanRun(dataset_id, ScanOptions()))
        [group] = duplicates.list_groups(duplicates.latest_scan(dataset_id), duplicates.Filter()).groups
        return dataset_id, group.id, [entry.id for entry in entries.stream_entries(dataset_id)]

    def build(facts):
        dataset_id, group, ids = facts
        api = f"{API}/datasets/{dataset_id}/duplicates/{group}"
        body = {"versions": dict.fromkeys(map(str, ids), 1), "keep": ids[0]}
        form = {"seen": ",".join(f"{one}:1" for one in ids)}
        made = {
            "keep": ("POST", f"{api}/keep", {"json": body}),
            "merge": ("POST", f"{api}/merge", {"json": body}),
            "dismiss": ("POST", f"{api}/dismiss", {}),
            "page": ("POST", f"/datasets/{dataset_id}/duplicates/{group}/dismiss", {"data": form}),
        }
        return [made[verb] for verb in verbs]

    assert_one_wins(begin, build)


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_job_is_stopped_or_retried_once(assert_one_wins, verb):
    def begin():
        job_id = jobs.enqueue("probe", {}).id
        if verb == "retry":
            jobs.cancel(job_id)
        return job_id

    def build(job_id):
        return [("POST", f"{API}/jobs/{job_id}/{verb}", {})] * 2

    assert_one_wins(begin, build)


def waiting_import(dataset_id, text="question,answer\nOne?,1\nTwo?\n"):
    upload = uploads.save(io.BytesIO(text.encode()).read, "file.csv")
    return imports.add(dataset_id, upload, Settings(on_duplicate="keep"))


def test_a_waiting_file_is_imported_or_discarded(assert_one_wins, dataset_id):
    def begin():
        return waiting_import(dataset_id).id

    def build(import_id):
        address = f"/datasets/{dataset_id}/imports/{import_id}"
        return [("POST", address, {"data": {}}), ("POST", f"{address}/discard", {"data": {}})]

    # 422: the file may go from under the hands of who looks at it.
    assert_one_wins(begin, build, (*REFUSED, 422))


def test_a_file_is_imported_once_however_often_it_is_confirmed(race, rounds, app, dataset_id):
    for number in rounds:
        with app.app_context():
            import_id = waiting_import(dataset_id).id
        race([("POST", f"/datasets/{dataset_id}/imports/{import_id}", {"data": {}})] * 2)
        with app.app_context():
            assert len(jobs.listed(size=200)) == number and datasets.get(dataset_id).entry_count == 3 + number


def test_a_file_waits_once_however_often_it_is_to_be_imported_anew(race, rounds, app, dataset_id):
    for number in rounds:
        with app.app_context():
            import_id = waiting_import(dataset_id).id
            imports.start(import_id, Settings(on_duplicate="keep"))
        race([("POST", f"/datasets/{dataset_id}/imports/{import_id}/again", {"data": {}})] * 2)
        with app.app_context():
            assert len(imports.list_imports(dataset_id, states=("waiting",))) == number


@pytest.mark.parametrize("texts", [("Two?,2", "Two?,two"), ("a,b,c,d", "e,f,g,h")])
def test_a_bad_row_is_repaired_once(assert_one_wins, dataset_id, texts):
    def begin():
        row = waiting_import(dataset_id)
        imports.start(row.id, Settings(on_duplicate="keep"))
        [bad] = quarantine.list_open(row.id)
        return row.id, bad.id, quarantine.fingerprint(bad.raw)

    def build(facts):
        import_id, bad_id, seen = facts
        address = f"/datasets/{dataset_id}/imports/{import_id}/quarantine"
        return [("POST", address, {"data": {f"raw.{bad_id}": text, f"was.{bad_id}": seen}}) for text in texts]

    assert_one_wins(begin, build)
