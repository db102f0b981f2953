"""Backup and restore: a copy of everything to download, the copies kept here, and putting one back."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.export import sent_file
from app.blueprints.view import tell
from app.core.errors import Invalid
from app.frontdoor.limits import takes_uploads
from app.services import backups, datasets, uploads

bp = Blueprint("backup", __name__, url_prefix="/backup")


@bp.get("")
def index() -> ResponseReturnValue:
    """The backups that are kept beside the database."""
    return render_template("backup/index.html", backups=backups.list_backups())


@shown_on("backup.restore")
def restore_refused(problem: Problem) -> str:
    """The page with the backups, and why this one was not put back."""
    return render_template("backup/index.html", backups=backups.list_backups(), problem=problem)


@bp.post("")
def make() -> ResponseReturnValue:
    """Make a backup now."""
    path = backups.make_backup()
    tell(f"Made {path.name}.")
    return redirect(url_for(".index"), code=303)


@bp.get("/<name>")
def download(name: str) -> ResponseReturnValue:
    """A finished backup as a file. The live database is never sent."""
    return sent_file(backups.path_of(name), name, "application/vnd.sqlite3")


@bp.get("/restore/<name>")
def confirm(name: str) -> ResponseReturnValue:
    """What putting a kept backup back would do, before it is done."""
    path = backups.path_of(name)
    backups.check_backup(path)
    one = next(one for one in backups.list_backups() if one.name == path.name)
    return render_template("backup/restore.html", one=one, datasets=datasets.list_datasets())


@bp.post("/restore")
@takes_uploads
def restore() -> ResponseReturnValue:
    """Put a kept backup, or an uploaded one, in place of everything."""
    name = request.form.get("name", "")
    file = request.files.get("file")
    if name:
        safety = backups.restore_backup(backups.path_of(name))
    elif file is not None and file.filename:
        kept = uploads.save(file.stream.read, file.filename)
        try:
            safety = backups.restore_backup(kept.path, kept.name)
        finally:
            uploads.remove(kept.token)
    else:
        raise Invalid("No backup was chosen.", code="no_file")
    tell(f"Restored. What was here before is kept as {safety.name}.")
    return redirect(url_for(".index"), code=303)
