"""One AWS a test, behind each of its faces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.twin.http.aws import AwsServer
from tests.contract.aws_faces import EVERY_FACE, TWIN_FACES, Face, aws_face, new_twin
from tests.contract.ledger_cases import Case, ledger_case


@pytest.fixture(scope="session")
def aws_server() -> Iterator[AwsServer]:
    """The server of all tests; each puts an account of its own behind it."""
    with AwsServer(new_twin()) as server:
        yield server


@pytest.fixture(params=TWIN_FACES)
def aws(request: pytest.FixtureRequest) -> Iterator[Face]:
    """A calm AWS of the twin, in process and behind boto3."""
    with aws_face(request.param, lambda: request.getfixturevalue("aws_server")) as face:
        yield face


@pytest.fixture(params=EVERY_FACE)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """An empty ledger on every face."""
    with ledger_case(request.param, lambda: request.getfixturevalue("aws_server")) as made:
        yield made


@pytest.fixture(params=TWIN_FACES)
def twin_case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """An empty ledger where faults can be ordered."""
    with ledger_case(request.param, lambda: request.getfixturevalue("aws_server")) as made:
        yield made


@pytest.fixture
def shared_case(aws_server: AwsServer) -> Iterator[Case]:
    """An empty ledger that several threads may use at once, over HTTP: the twin itself is for one thread."""
    with ledger_case("boto3", lambda: aws_server) as made:
        yield made
