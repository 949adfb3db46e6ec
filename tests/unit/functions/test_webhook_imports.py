"""What the webhook imports: the standard library and little of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.deliveries import SECRETS, compiled, payload, signed_event
from tests.fakes.aws_stub import AwsStub
from tests.support.checkout import IMPORT_PATH

ROOT = Path(__file__).parents[3]
TOO_HEAVY = {
    "boto3", "botocore", "aws_lambda_powertools", "pydantic", "httpx", "jwt", "cryptography", "urllib3", "requests",
    "yaml", "asyncio", "urllib.request", "unittest", "multiprocessing", "concurrent.futures", "logging", "uuid", "platform",
}  # fmt: skip
SCRIPT = """
import json, sys
before = set(sys.modules)
from functions.webhook.handler import lambda_handler
status = lambda_handler(json.load(sys.stdin), None)["statusCode"]
print(json.dumps({"status": status, "modules": sorted(set(sys.modules) - before)}))
"""


def imports_of_a_queued_event(folder: Path) -> list[str]:
    """Return what a fresh process imported until an event was on the queue."""
    path = folder / "slipway.json"
    path.write_text(json.dumps(compiled(allow_public_repositories=True)), "utf-8")
    event = signed_event(payload(job={"created_at": None, "started_at": None}))
    with AwsStub(dict(SECRETS)) as aws:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": IMPORT_PATH,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "key",
            "AWS_ENDPOINT_URL": aws.url,
            "SLIPWAY_CONFIG": str(path),
            "SLIPWAY_JOBS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
        }
        done = subprocess.run(
            [sys.executable, "-S", "-c", SCRIPT], input=json.dumps(event), env=environment, check=True,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["status"] == 202
    modules: list[str] = result["modules"]
    return modules


def test_a_queued_event_imports_the_standard_library_and_ours_alone(tmp_path: Path) -> None:
    modules = imports_of_a_queued_event(tmp_path)
    print(f"{len(modules)} modules:", *modules)
    assert not TOO_HEAVY & set(modules)
    ours = {"slipway", "functions"}
    assert {name.partition(".")[0] for name in modules} <= set(sys.stdlib_module_names) | ours


def test_of_ours_only_what_a_webhook_needs_is_imported(tmp_path: Path) -> None:
    ours = {name for name in imports_of_a_queued_event(tmp_path) if name.startswith("slipway.")}
    assert {name for name in ours if name.startswith("slipway.services")} == {
        "slipway.services", "slipway.services.ingest", "slipway.services.webhook_secrets",
    }  # fmt: skip
    assert {name for name in ours if name.startswith("slipway.adapters")} == {
        "slipway.adapters", "slipway.adapters.aws_http", "slipway.adapters.clock", "slipway.adapters.json_log",
        "slipway.adapters.secrets_http", "slipway.adapters.sigv4", "slipway.adapters.sqs_http",
    }  # fmt: skip
