"""Is every function there, whole, and woken by its queues?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial

from local.doctor.deployment import DEPLOY_AGAIN, function, functions_of, is_deployed, name_of
from local.doctor.findings import Check, Look, Verdict, failed, ok, unknown, warning
from local.doctor.surroundings import Surroundings
from local.infrastructure.places import ENVIRONMENTS

RUNTIME = "python3.13"
QUEUES = {"scaler": ("jobs", "events"), ENVIRONMENTS: (ENVIRONMENTS,)}


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look(f"deployment {surroundings.configuration.deployment}", partial(_whole, surroundings))
    for name in functions_of(surroundings):
        yield Look(f"function {name_of(surroundings, name)}", partial(_judge, surroundings, name))
    for name in [name for name in QUEUES if name in functions_of(surroundings)]:
        yield Look(f"what wakes the {name}", partial(_mappings, surroundings, name))


def _whole(surroundings: Surroundings) -> Iterator[Verdict]:
    if is_deployed(surroundings):
        yield ok(f"is in {surroundings.home_region}")
    else:
        yield ok(f"is not in {surroundings.home_region} yet: what only a deployment has is not looked at")


def _judge(surroundings: Surroundings, name: str) -> Iterator[Verdict]:
    entry = function(surroundings, name)
    if entry is None:
        if is_deployed(surroundings):
            message = f"does not exist in {surroundings.home_region}, though others of the deployment do"
            yield failed("function-missing", message, DEPLOY_AGAIN)
        return
    state, update = entry.get("State", "Active"), entry.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive"):  # the latter until somebody calls it [LAMBDA-STATES]
        why = entry.get("StateReason", "no reason given")
        yield failed("function-not-active", f"is {state}: {why}", "mend that, then deploy again")
    if update == "Failed":
        why = entry.get("LastUpdateStatusReason", "no reason given")
        yield failed(
            "function-update-failed", f"its last update failed: {why}", "mend that, then deploy again"
        )
    if entry.get("Runtime", RUNTIME) != RUNTIME:
        message = f"runs on {entry['Runtime']}, and its package is built for {RUNTIME}"
        yield failed("function-runtime", message, "deploy again, and change no function by hand")
    yield from _code(surroundings, name, entry.get("CodeSha256", ""))
    yield ok(f"is there, last changed {entry.get('LastModified', 'at a time that is not told')}")


def _code(surroundings: Surroundings, name: str, deployed: str) -> Iterator[Verdict]:
    """Compare with the build at hand: the package, and the configuration in it, has one digest [LAMBDA-CODE-SHA256]."""
    if surroundings.build is None:
        return
    manifest = surroundings.build / "manifest.json"
    try:
        package = json.loads(manifest.read_text("utf-8"))["packages"][f"functions/{name}.zip"]
        built = base64.b64encode(bytes.fromhex(package["sha256"])).decode()
    except (OSError, ValueError, KeyError, TypeError):
        yield unknown(
            "build-unread", f"could not look: {manifest} tells of no such package", "run slipway build"
        )
        return
    if built != deployed:
        message = f"does not run the package in {surroundings.build}, which has its configuration too"
        yield warning("function-of-another-build", message, "deploy the build, or build what is deployed")


def _mappings(surroundings: Surroundings, function_name: str) -> Iterator[Verdict]:
    if not is_deployed(surroundings):
        return
    client = surroundings.account.client("lambda", surroundings.home_region)
    answer = client.list_event_source_mappings(FunctionName=name_of(surroundings, function_name))
    mappings = {entry["EventSourceArn"].rpartition(":")[2]: entry for entry in answer["EventSourceMappings"]}
    for queue in QUEUES[function_name]:
        name = name_of(surroundings, queue)
        entry = mappings.get(name)
        if entry is None:
            yield failed(
                "mapping-missing", f"nothing hands queue {name} to the {function_name}", DEPLOY_AGAIN
            )
        elif entry["State"] in ("Disabled", "Disabling"):
            mend = f"aws lambda update-event-source-mapping --uuid {entry['UUID']} --enabled"
            yield failed(
                "mapping-disabled", f"what hands queue {name} to the {function_name} is disabled", mend
            )
        else:
            yield ok(f"queue {name}: {entry['State'].lower()}")


CHECK = Check(
    name="functions",
    about="every function is there, active, of the build at hand (`--build`), and its queues are read",
    permissions=("lambda:GetFunctionConfiguration", "lambda:ListEventSourceMappings"),
    looks=_looks,
)
