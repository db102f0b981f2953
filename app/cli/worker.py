"""``ltt worker``: a process that takes up queued jobs."""

import os

import click


@click.command()
@click.option("--parent", type=int, metavar="PID", help="End when the process of this number ends.")
def worker(parent: int | None) -> None:
    """Run queued jobs until stopped. `ltt serve` starts one by itself."""
    from app.factory import create_bare_app
    from app.jobs.worker import Worker
    from app.models import describe_process
    from app.services import schema

    os.umask(0o077)
    describe_process("the worker")
    app = create_bare_app()
    with app.app_context():
        schema.prepare_schema()
    Worker(app, {}, parent=parent).run()
