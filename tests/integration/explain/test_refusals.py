"""The webhook's log, as the function writes it and as CloudWatch Logs gives it back."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from local.explain.refusals import NoLogError, Refusal, of_deployment, of_folder
from slipway.adapters.json_log import JsonLog
from tests.builders import a_profile
from tests.contract.moto import client, moto_url

GROUP = "/aws/lambda/explained-webhook"  # of this test alone: moto is one account for a whole process
NOW = 1_790_000_000.0
PROFILES = [a_profile()]


class Fixed:
    def now(self) -> float:
        return NOW


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the webhook's own log writes: another job's refusal, a job that was let in or will be, and what is looked for."""
    log = JsonLog("webhook", Fixed(), sys.stdout)
    refused = {"status": 200, "action": "queued", "repository": "acme/one", "labels": ["self-hosted", "gpu"]}
    log.write("INFO", "no profile has all of these labels", {**refused, "reason": "no_profile", "job_id": 6})
    log.write("INFO", "the job event is queued", {"status": 202, "reason": "queued", "job_id": 7})
    log.write("ERROR", "the queue did not take the event; send this again", {"status": 503, "job_id": 7})
    log.write("INFO", "no profile has all of these labels", {**refused, "reason": "no_profile", "job_id": 7})
    return capsys.readouterr().out.splitlines()


EXPECTED = Refusal(
    NOW,
    "queued",
    "no_profile",
    "no profile has all of these labels",
    "acme/one",
    ("self-hosted", "gpu"),
    "medium",
)


def test_a_folder_of_logs_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "webhook.log").write_text("\n".join(["START x", *lines(capsys), "[1, 2]"]), "utf-8")
    assert of_folder(tmp_path, 7, PROFILES) == [EXPECTED]
    with pytest.raises(NoLogError, match=r"webhook\.log"):
        of_folder(tmp_path / "none", 7, PROFILES)


def test_a_deployment_s_log_group_is_asked_for_the_job_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with moto_url() as url:
        logs = client("logs", url)
        with pytest.raises(NoLogError, match=GROUP):
            of_deployment(logs, GROUP, 7, PROFILES, 0.0)
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
        # CloudWatch takes no line older than a fortnight, whatever it says of itself.
        arrived = int(time.time() * 1000)
        events = [{"timestamp": arrived, "message": line} for line in lines(capsys)]
        assert all(json.loads(str(event["message"])) for event in events)
        logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)
        found = of_deployment(logs, GROUP, 7, PROFILES, time.time() - 60)
        assert of_deployment(logs, GROUP, 7, PROFILES, time.time() + 60) == []
    # moto filters by words alone; that other jobs' lines are left out is this side's own doing, too.
    assert found == [EXPECTED]
