"""The twin of GitHub behind a socket and behind httpx: the same answers as in process."""

import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from local.twin.github.transport import TwinTransport
from local.twin.github.wire import CONNECTION_LOST
from local.twin.http.github import GitHubServer
from tests.support.github_enterprise import ENTERPRISE, LABELS, Acme


@pytest.fixture
def served() -> Iterator[tuple[Acme, GitHubServer, httpx.Client]]:
    acme = Acme()
    with GitHubServer(acme.twin, threading.RLock()) as server:
        headers = {"Authorization": f"Bearer {acme.pat}"}
        with httpx.Client(base_url=server.url, headers=headers) as client:
            yield acme, server, client


Served = tuple[Acme, GitHubServer, httpx.Client]


def wanted(acme: Acme, name: str) -> dict[str, object]:
    return {"name": name, "runner_group_id": acme.alpha_group.id, "labels": list(LABELS)}


def test_a_runner_is_minted_listed_and_deleted_over_one_connection(served: Served) -> None:
    acme, _, client = served
    minted = client.post(f"{ENTERPRISE}/runners/generate-jitconfig", json=wanted(acme, "r1"))
    assert minted.status_code == 201
    runner_id = minted.json()["runner"]["id"]
    assert client.get(f"{ENTERPRISE}/runners", params={"name": "r1"}).json()["total_count"] == 1
    deleted = client.delete(f"{ENTERPRISE}/runners/{runner_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")


def test_the_next_link_leads_through_all_pages(served: Served) -> None:
    """[GH-PAGE-MAX]"""
    acme, _, client = served
    for number in range(7):
        acme.mint(f"r{number}")
    url, names = f"{ENTERPRISE}/runners?per_page=3", []
    while url:
        page = client.get(url)
        names += [runner["name"] for runner in page.json()["runners"]]
        url = page.links.get("next", {}).get("url", "")
    assert names == [f"r{number}" for number in range(7)]


def test_a_lost_connection_is_lost_over_http_and_in_process(served: Served) -> None:
    acme, server, client = served
    acme.twin.faults.next("GET", "/runners$", CONNECTION_LOST, times=2)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{ENTERPRISE}/runners")
    inside = httpx.Client(
        transport=TwinTransport(acme.twin), base_url=server.url, headers=dict(client.headers)
    )
    with pytest.raises(httpx.ReadError):
        inside.get(f"{ENTERPRISE}/runners")
    assert (
        inside.get(f"{ENTERPRISE}/runners").status_code
        == client.get(f"{ENTERPRISE}/runners").status_code
        == 200
    )


def test_the_clock_is_pumped_before_each_request() -> None:
    acme = Acme()
    with (
        GitHubServer(acme.twin, threading.Lock(), pump=lambda: acme.clock.advance(3_600)) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        bearer = {"Authorization": f"Bearer {acme.installation_token()}"}
        assert client.get("/orgs/alpha/actions/runners", headers=bearer).status_code == 401


def test_an_open_poll_ends_when_the_server_closes() -> None:
    acme = Acme()
    lock = threading.RLock()
    server = GitHubServer(acme.twin, lock)
    answers: list[int] = []
    with server, httpx.Client(base_url=server.url, timeout=30) as client:
        bearer = {"Authorization": f"Bearer {_assertion(acme)}"}
        session = client.post("/_twin/broker/sessions", headers=bearer, content=b"{}").json()
        path = f"/_twin/broker/sessions/{session['sessionId']}/message"
        poll = threading.Thread(
            target=lambda: answers.append(
                client.get(path, headers={"Authorization": f"Bearer {session['accessToken']}"}).status_code
            )
        )
        poll.start()
        while not server.open_polls:
            poll.join(0.01)
        server.close()
        poll.join(30)
    assert answers == [503]


def _assertion(acme: Acme) -> str:
    from local.twin.github.jitconfig import assertion_of

    return assertion_of(acme.mint())


def test_in_process_a_listeners_long_poll_is_refused_with_a_hint() -> None:
    acme = Acme()
    client = httpx.Client(transport=TwinTransport(acme.twin), base_url="https://github.test")
    session = client.post(
        "/_twin/broker/sessions",
        headers={"Authorization": f"Bearer {_assertion(acme)}"},
        content=json.dumps({}),
    ).json()
    with pytest.raises(TypeError, match="VirtualListener"):
        client.get(
            f"/_twin/broker/sessions/{session['sessionId']}/message",
            headers={"Authorization": f"Bearer {session['accessToken']}"},
        )
