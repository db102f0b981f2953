"""``ltt token``: the token with which scripts may write through the API."""

import click

from app import config, keys


@click.command()
@click.option("--new", is_flag=True, help="Replace the token; the old one stops working at once.")
def token(new: bool) -> None:
    """Print the API token's file and value."""
    folder = config.data_dir(config.load_settings())
    keys.prepare_folder(folder)
    if new:
        (folder / keys.TOKEN_FILE).unlink(missing_ok=True)
    click.echo(folder / keys.TOKEN_FILE)
    click.echo(keys.api_token(folder))
