"""The pages. A feature's module has a blueprint ``bp`` and one line in this list."""

from importlib import import_module

from flask import Flask

PAGES: tuple[str, ...] = (
    "shell",
    "health",
    "datasets",
    "overview",
    "advice",
    "training",
    "pairs",
    "review",
    "history",
    "imports",
    "paste",
    "cleaning",
    "recipes",
    "duplicates",
    "splits",
    "export",
    "snapshots",
    "conversion",
    "validation",
    "trained",
    "jobs",
    "backup",
    "settings",
    "models",
)


def init_app(app: Flask) -> None:
    """Register every page's blueprint."""
    for name in PAGES:
        app.register_blueprint(import_module(f"app.blueprints.{name}").bp)
    for name in ("view", "shell"):
        import_module(f"app.blueprints.{name}").init_app(app)
