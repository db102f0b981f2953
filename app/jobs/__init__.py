"""Running jobs: who does what (``registry``), one run (``context``, ``runner``), and the worker process (``worker``).

A feature registers what does its work:

    @handler("clean")
    def run(ctx: Context) -> dict[str, object]:
        for done, chunk in enumerate(work(ctx.arguments)):
            ctx.check_cancelled()
            ctx.progress(done, total, "pairs cleaned")
        with ctx.publish() as publication:      # one transaction: the effect and "done" together
            publication.result = {...}
        return {}
"""

from app.jobs.context import Context
from app.jobs.registry import handler

__all__ = ["Context", "handler"]
