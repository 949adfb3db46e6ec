"""Does the webhook's address answer, and refuse what is not signed?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx

from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

_MENDS = {
    403: "see what stands in front: a WAF, or a policy of the API",
    404: "take the address from the deployment's outputs, with its whole path",
    429: "it is throttled: look at the API's throttle and at who calls it",
    500: "look at the log of the function webhook",
    503: "look at the log of the function webhook: it says what it lacks",
}


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    if surroundings.webhook_url:
        # The path is what nobody should guess: a report may be passed on.
        host = httpx.URL(surroundings.webhook_url).host
        yield Look(f"https://{host}/…", partial(_judge, surroundings.webhook_url))


def _judge(url: str) -> Iterator[Verdict]:
    try:
        answer = httpx.post(
            url, json={"zen": "slipway doctor"}, headers={"X-GitHub-Event": "ping"}, timeout=15.0
        )
    except httpx.TransportError as fault:
        yield failed(
            "webhook-unreachable",
            f"cannot be reached: {str(fault) or type(fault).__name__}",
            "see that it is deployed, and reached from here",
        )
        return
    if answer.status_code == 401:
        yield ok("answers, and refuses a delivery without a signature")
    elif answer.is_success:
        yield failed(
            "webhook-takes-unsigned",
            f"takes a delivery without a signature ({answer.status_code})",
            "this is not Slipway's webhook: see what it is",
        )
    else:
        mend = _MENDS.get(answer.status_code, "look at the log of the function webhook")
        status = warning if answer.status_code == 429 else failed
        yield status("webhook-answers", f"answers {answer.status_code} instead of 401", mend)


CHECK = Check(
    name="webhook",
    about="the webhook's address answers, and refuses what is not signed (`--webhook-url`)",
    permissions=(),
    looks=_looks,
)
