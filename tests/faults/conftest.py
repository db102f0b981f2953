"""A server that the checks of a file share, and servers of their own for those that kill theirs."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import Server, free_port

Start = Callable[..., Server]
# In the short forms a busy machine is no reason to refuse a file that takes long to look at.
PATIENT = {"LTT_LOOK_SECONDS": "60"}


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the numbers of the table are wanted, and its bounds of time, which hold on an idle machine."""
    return bool(request.config.getoption("--faults"))


@pytest.fixture(scope="module")
def server(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory, full: bool) -> Iterator[Server]:
    """A running server with its worker, shared by the checks of a file: each makes a dataset of its own."""
    folder = shutil.copytree(migrated_folder, tmp_path_factory.mktemp("shared") / "data")
    running = Server(folder, "--port", str(free_port()), **({} if full else PATIENT))
    yield running
    running.kill()


@pytest.fixture
def start(data_dir: Path, full: bool) -> Iterator[Start]:
    """Starts servers over a data folder of the test's own; the last of them is ended with the test."""
    servers: list[Server] = []

    def start_one(*arguments: str) -> Server:
        servers.append(Server(data_dir, "--port", str(free_port()), *arguments, **({} if full else PATIENT)))
        return servers[-1]

    yield start_one
    for one in servers:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure that was measured, also where the test passes."""

    def print_figure(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)  # noqa: T201

    return print_figure
