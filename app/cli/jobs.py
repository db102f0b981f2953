"""``ltt jobs``: what runs, what waits, what has ended; stop it or run it again."""

import json

import click

from app.cli.workspace import open_workspace


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many to show.")
@click.pass_context
def jobs(ctx: click.Context, as_json: bool, limit: int) -> None:
    """List jobs, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from app.services import jobs as service
    from app.services import running

    with open_workspace():
        running.interrupt_dead()
        found = service.listed(size=limit)
        if as_json:
            click.echo(json.dumps({"jobs": [service.as_dict(job) for job in found]}))
            return
        for job in found:
            start = f"{job.id:>6}  {job.state:<12}{job.title or job.kind}  "
            total = f" of {job.total:,}" if job.total else ""
            progress = f"{job.done:,}{total} " if job.done else ""
            summary = (job.result or {}).get("summary") if job.state == "done" else None
            click.echo(f"{start}{summary}" if summary else f"{start}{progress}{job.error or job.message}".rstrip())


@jobs.command()
@click.argument("job_id", type=int)
def cancel(job_id: int) -> None:
    """Stop a job."""
    from app.services import jobs as service

    with open_workspace():
        job = service.cancel(job_id)
        click.echo(f"Job {job.id} is stopped." if job.state == "cancelled" else f"Job {job.id} is being stopped.")


@jobs.command()
@click.argument("job_id", type=int)
def retry(job_id: int) -> None:
    """Run a job again that failed, was stopped or interrupted. It runs in this process."""
    from app.services import jobs as service
    from app.services import running, tasks

    with open_workspace():
        running.interrupt_dead()
        service.retry(job_id)
        job = tasks.run_now(job_id)
        click.echo(f"Job {job.id}: {job.state}.")
