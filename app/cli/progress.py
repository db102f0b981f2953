"""How far a command is, on one line of stderr that is written over."""

import click


def show_progress(done: int, total: int | None, message: str) -> None:
    """Show what was done, of about how much where that is known."""
    of = f" of about {total:,}" if total else ""
    click.echo(f"\r{done:,}{of} {message}          ", err=True, nl=False)


def show_share(share: float, message: str) -> None:
    """Show a share from 0 to 1; the line ends with it."""
    click.echo(f"\r{share:.0%} {message}          ", err=True, nl=share >= 1)
