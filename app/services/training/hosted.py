"""Services as places to train at: which connections lead to one, what speaks against a run, and what comes of it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.core.connections import Address, read_address
from app.core.errors import Conflict, Invalid, LttError, NotFound
from app.core.formats import Source
from app.core.reading import ReadSettings
from app.core.targets import EXPORT_TARGETS
from app.core.training import RunSpec
from app.core.training.folder import write_whole
from app.core.validation import RULES, ValidateOptions
from app.core.validation.files import validate_file
from app.models import Connection, TrainingRun, db, transaction
from app.models.base import now
from app.providers.endpoint import Endpoint
from app.providers.tuning import Obstacle
from app.providers.tuning.api import TuningApi
from app.providers.tuning.azure import KEY_HEADER, AzureApi
from app.providers.tuning.fireworks import FireworksApi
from app.providers.tuning.hosted import CONTROL, FILES, HostedPlace, read_notes
from app.providers.tuning.openai import OpenAIApi
from app.providers.tuning.together import TogetherApi
from app.services import models
from app.services.training.folders import folder_of, id_of
from app.services.training.listing import has_uploads, is_stopping, require_run
from app.services.training.quoting import list_calendar, profile_of
from app.services.validation import known_profiles

# Who answers at a host. Any other one is spoken to in OpenAI's way.
HOSTS: dict[str, type[TuningApi]] = {
    "api.openai.com": OpenAIApi,
    "api.together.ai": TogetherApi,
    "api.together.xyz": TogetherApi,
    "api.fireworks.ai": FireworksApi,
}
AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
# Where Fireworks serves what it trained: another path of the same host.
SERVED_AT = "/inference/v1"
# How long the worker waits for a service that is told to stop after all.
STOP_SECONDS = 5.0
log = logging.getLogger(__name__)


def find_place(name: str) -> HostedPlace | None:
    """The service that a connection leads to, by the connection's id or name; None where there is none."""
    try:
        connection = models.get(name)
    except NotFound:
        return None
    return make_place(connection)


def list_places() -> list[HostedPlace]:
    """Every connection to another computer, those to services that are known first."""
    found = [one for one in models.list_connections() if read_address(one.address).reach != "loopback"]
    return [make_place(one) for one in sorted(found, key=lambda one: not _is_known(read_address(one.address)))]


def make_place(connection: Connection) -> HostedPlace:
    """A connection as a place to train at. No key is read before something is asked there."""
    address = read_address(connection.address)
    service = service_of(address)
    title = connection.name if _is_known(address) else f"{connection.name}, in OpenAI’s format"
    header = KEY_HEADER if service is AzureApi else "Authorization"
    app, connection_id = current_app._get_current_object(), connection.id  # type: ignore[attr-defined]

    def open_endpoint() -> Endpoint:
        with app.app_context():
            now_there = models.get(connection_id)
            if read_address(now_there.address) != address:
                said = f"{now_there.name} was changed and leads elsewhere now. Give it back {address.url}."
                raise Conflict(said, code="other_service")
            return models.endpoint_of(now_there, key_header=header)

    def record_upload(folder: Path, size: int) -> None:
        run = require_run(id_of(folder))
        started = models.Started("training run", f"Training, run {run.number}", run.dataset_id, run.job_id)
        models.record_use(models.get(connection_id), started, sent_bytes=size)

    place = HostedPlace(
        str(connection.id),
        title,
        service,
        address.url,
        open_endpoint,
        check_data=lambda spec, folder: check_data(place, spec, folder),
        on_upload=record_upload,
    )
    return place


def service_of(address: Address) -> type[TuningApi]:
    """The API that answers at an address."""
    if address.host.endswith(AZURE):
        return AzureApi
    return HOSTS.get(address.host, OpenAIApi)


def _is_known(address: Address) -> bool:
    return address.host in HOSTS or address.host.endswith(AZURE)


def check_data(place: HostedPlace, spec: RunSpec, folder: Path | None) -> list[Obstacle]:
    """What the profile of a service says: its calendar, and of the files what their rows alone do not tell."""
    profile = profile_of(place, spec.method)
    found = [
        Obstacle("calendar", f"{one['date']}: {one['says']}", one["severity"] == "error", one)
        for one in list_calendar(profile)
        if one["severity"]
    ]
    if place.service is FireworksApi and "/accounts/" not in read_address(place.address).path:
        said = "Give the connection the address of your account: https://api.fireworks.ai/v1/accounts/ACCOUNT."
        found.append(Obstacle("no_account", said))
    if folder is None or spec.method not in place.targets:
        return found
    target = EXPORT_TARGETS[place.targets[spec.method]]
    for which, path in FILES.items():
        if not (folder / path).is_file():
            continue
        other = Source.of_path(folder / FILES["train"]) if which == "validation" else None
        report = validate_file(
            Source.of_path(folder / path),
            ReadSettings(),
            ValidateOptions(profile=target.profile, lint=False),
            [known_profiles()[target.profile]],
            today=now().date(),
            against=other,
        )
        for one in report["findings"]:
            code = one["code"]
            is_of_file = code == "in-both-files" or (code in RULES and RULES[code].level == "file")
            # No service says how few pairs it measures by.
            counts = is_of_file and code != "calendar" and (code != "too-few" or which == "train")
            if one["severity"] == "error" and counts:
                said = f"{profile.title} would not take the file of {which}: {one['message']}"
                found.append(Obstacle("bad_file", said))
                break
    return found


def connect_model(run: TrainingRun, result: Mapping[str, Any]) -> dict[str, Any]:
    """Make a connection of the model that came of a run, where its service serves it at the same host.

    Says which, or why not: the run is done either way.
    """
    model = str(result.get("model") or "")
    if not model or find_hosted(run) is None:
        return {}
    try:
        base = models.get(run.place)
        address = read_address(base.address)
        service = service_of(address)
        if service is AzureApi:
            said = "Azure answers with it once it is deployed there. Add the deployment in Settings, Models, then."
            return {"connection_problem": said}
        served = f"{address.origin}{SERVED_AT}" if service is FireworksApi else base.address
        return {"connection": models.add_tuned(base, model, address=served).id}
    except LttError as error:
        return {"connection_problem": error.message}


def find_hosted(run: TrainingRun) -> HostedPlace | None:
    """The service of a run; None where it was not trained at one, or the connection is gone."""
    return find_place(run.place) if run.place.isdigit() else None


def has_files_there(run: TrainingRun) -> bool:
    """Whether files of a run lie at a service, as far as is known here."""
    try:
        notes = read_notes(folder_of(run)) if has_uploads(run) else None
    except Invalid:
        return False
    return notes is not None and any(one.id and not one.deleted for one in notes.files.values())


def can_pause(run: TrainingRun) -> bool:
    """Whether the service of a run can stop it so that it goes on later."""
    place = find_hosted(run)
    return place is not None and place.can_pause


def delete_uploads(run_id: int) -> list[str]:
    """Delete the files that a run uploaded, at its service; gives their names.

    Raises Conflict where the job may still read them, and what the service refuses.
    """
    run = require_run(run_id)
    place = find_hosted(run)
    if place is None:
        raise Conflict("This run was trained at no service, or its connection was removed.", code="no_service")
    try:
        return place.forget(folder_of(run))
    finally:
        place.end(run.handle)


def ask_to_stop(run: TrainingRun) -> None:
    """Have a service told to stop, where a run is cancelled that no process follows: the worker tells it."""
    if has_uploads(run):
        write_whole(folder_of(run) / CONTROL, b"cancel")


def stop_left() -> int:
    """Tell services of cancelled runs to stop that could not be told before. Gives how many were told."""
    told = 0
    cancelled = select(TrainingRun).where(TrainingRun.state == "cancelled")
    for run in list(db.session.execute(cancelled).scalars()):
        place = find_hosted(run) if is_stopping(run) else None
        if place is not None:
            place.seconds = STOP_SECONDS
            try:
                place.poll(run.handle, folder_of(run))
            except Invalid as error:
                # Nobody can tell it any more: the run says so, and is waited for no longer.
                (folder_of(run) / CONTROL).unlink(missing_ok=True)
                with transaction():
                    run.result = {**run.result, "error": error.message, "code": error.code}
            except (LttError, OSError) as error:
                log.warning("The service of run %s was not told to stop: %s", run.id, error)
            place.end(run.handle)
            told += not is_stopping(run)
    return told
