"""Pushing to the Hub as a task: the network may take long."""

from app.services.hub.pushing import PushRun, push
from app.services.tasks import Task, TaskLimits, declare

PUSH = declare(
    Task(
        "push",
        PushRun,
        push,
        title=lambda run: f"Push to {run.repo} on the Hub",
        result_page=("export.pushed", ("dataset_id", "job_id")),
        limits=TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=1800),
        check=PushRun.check,
    )
)
