"""One AWS a test, behind each of its faces."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from local.twin.http.aws import AwsServer
from local.twin.http.github import GitHubServer
from slipway.domain.configuration import Registration
from tests.contract.aws_faces import EVERY_FACE, TWIN_FACES, Face, aws_face, new_twin
from tests.contract.github_faces import FACES, github_case
from tests.contract.github_faces import Case as GitHubCase
from tests.contract.ledger_cases import Case, ledger_case, memory_case
from tests.support.github_enterprise import Acme


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


@pytest.fixture(params=[*EVERY_FACE, "memory"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """An empty ledger on every face of AWS, and on the simulator's own table."""
    if request.param == "memory":
        yield memory_case()
        return
    with ledger_case(request.param, lambda: request.getfixturevalue("aws_server")) as made:
        yield made


@pytest.fixture(params=EVERY_FACE)
def aws_case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """An empty ledger on every face of AWS."""
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


@pytest.fixture(scope="session")
def github_server() -> Iterator[GitHubServer]:
    """The server of all tests; each puts an enterprise of its own behind it."""
    with GitHubServer(Acme().twin, threading.RLock()) as server:
        yield server


def mounted(request: pytest.FixtureRequest, face: str, level: Registration) -> GitHubCase:
    return github_case(face, level, lambda: request.getfixturevalue("github_server"))


@pytest.fixture(params=FACES)
def github(request: pytest.FixtureRequest) -> GitHubCase:
    """An enterprise whose runners register with the enterprise."""
    return mounted(request, request.param, Registration.ENTERPRISE)


@pytest.fixture(params=FACES)
def with_app(request: pytest.FixtureRequest) -> GitHubCase:
    """The same with the App's credentials, at the organization."""
    return mounted(request, request.param, Registration.ORGANIZATION)


@pytest.fixture(params=[(face, level) for face in FACES for level in Registration], ids=" ".join)
def anywhere(request: pytest.FixtureRequest) -> GitHubCase:
    """The same at each of the three levels."""
    return mounted(request, *request.param)


@pytest.fixture(params=Registration)
def level_case(request: pytest.FixtureRequest) -> GitHubCase:
    """The same at each level, in process: for tables that need no second look over HTTP."""
    return mounted(request, "ghec", request.param)
