"""The page of telemetry lists every metric and every field of the lines that it names, and its queries ask for those."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from slipway import telemetry
from slipway.domain.configuration import Market
from slipway.domain.intents import Offering
from slipway.domain.launches import Launch
from slipway.domain.milestones import JobCompleted, JobFacts, JobStarted
from slipway.domain.phases import PHASES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
METRICS, LINES = PAGE.split("## Lines")
FACTS = JobFacts("acme/1-1", 1, "acme", "acme/one", "ci", "build", "medium", "general", "a-runner")
ROW = re.compile(r"^\| (`.*) \|$", re.MULTILINE)
LEVELS = {"info", "warning", "error"}


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def documented_lines() -> dict[tuple[str, str], set[str]]:
    """The page's fields by message and function."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in ROW.findall(LINES):
        messages, function, told = (cell.strip() for cell in row.split("|"))
        found |= {(message, function): set(ticked(told)) for message in ticked(messages)}
    return found


def written_lines() -> dict[tuple[str, str], set[str]]:
    """The fields that functions write with a message that stands in their handlers."""
    found: dict[tuple[str, str], set[str]] = {}
    for function in ("scaler", "registrar", "reaper", "redelivery"):
        tree = ast.parse((ROOT / f"functions/{function}/handler.py").read_text("utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            named = {word.arg for word in call.keywords if word.arg}
            if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
                found[call.args[0].value, function] = named
    return found


def test_the_page_lists_every_metric() -> None:
    found = {}
    for row in ROW.findall(METRICS):
        name, function, dimensions, unit, arc, says = (cell.strip() for cell in row.split("|"))
        found[name.strip("`")] = (function, set(ticked(dimensions)), unit, ", ".join(ticked(arc)), says)
    assert found == {
        one.name: (one.function, {telemetry.FUNCTION, *one.by}, one.unit, one.arc, one.help)
        for one in telemetry.METRICS
    }


def test_the_page_tells_the_fields_of_what_jobs_and_launches_do() -> None:
    documented = documented_lines()
    started = telemetry.fields_of_started(JobStarted(FACTS, 1.0, dict.fromkeys(PHASES, 1.0)))
    assert documented["job started", "scaler"] == set(started)
    completed = telemetry.fields_of_completed(JobCompleted(FACTS, "success", 1.0))
    assert documented["job completed", "scaler"] == set(completed)
    one = Offering("m7i.large", "subnet-1")
    for is_start in (False, True):
        for line in telemetry.lines_of_launch(
            Launch(Market.SPOT, ((one, 1),), (one,), ("code",), is_start=is_start)
        ):
            assert documented[line.message, "scaler"] == {"pool", *line.fields}


def test_the_page_tells_the_fields_of_the_other_lines_that_it_names() -> None:
    written, documented = written_lines(), documented_lines()
    for message in ("converged", "answered", "notice", "redelivered", "found a job that no webhook told of"):
        ((key, told),) = ((key, told) for key, told in documented.items() if key[0] == message)
        assert told == written[key]
    assert documented["reaped", "reaper"] == {"code", "what", "id", "pool", "why"}


def test_the_queries_ask_for_fields_that_there_are() -> None:
    lines, _ = LINES.split("## What it adds")
    queries = re.findall(r"(?:^    .*\n)+", lines, re.MULTILINE)
    assert len(queries) == 3
    for query in queries:
        (message,) = re.findall(r'message = "([\w ]+)"', query)
        fields = documented_lines()[message, "scaler"]
        asked = set(re.findall(r"\b[a-z]+_[a-z_]+\b|\b(?:profile|pool|market|codes|repository|job)\b", query))
        asked -= {"job"} if "display" not in query else set()
        comment = query.splitlines()[0]
        assert comment.strip().startswith("#")
        assert asked - set(re.findall(r"\w+", comment)) <= fields | {"codes"}
