"""The metrics that the webhook writes without Powertools."""

from __future__ import annotations

from tests.deliveries import BOUND_SECRET, NOW, encode, http_event, iso, payload, signed_event
from tests.unit.functions.conftest import Webhook


def test_each_queued_job_that_is_accepted_says_how_long_its_delivery_took(webhook: Webhook) -> None:
    webhook(signed_event(payload()))
    webhook(signed_event(payload(job={"created_at": iso(NOW + 2)})))  # their clock is ahead of ours
    webhook(signed_event(payload("completed", job={"status": "completed", "conclusion": "success"})))
    webhook(signed_event(payload(job={"labels": ["ubuntu-latest"]})))
    webhook(signed_event(payload(job={"created_at": None})))
    assert webhook.metrics == {"DeliveryDelay": [5.0, 0.0]}


def test_a_delivery_that_the_queue_did_not_take_is_counted_when_it_is_sent_again(webhook: Webhook) -> None:
    webhook(signed_event({"zen": "made-up"}, event="ping"))  # the secret is read by now
    webhook.aws.failures.append((403, b'{"__type":"AccessDenied"}'))
    assert webhook(signed_event(payload()))[1]["reason"] == "queue_unavailable"
    assert webhook.metrics == {}
    assert webhook(signed_event(payload()))[0] == 202
    assert webhook.metrics == {"DeliveryDelay": [5.0]}


def test_each_delivery_that_no_secret_of_ours_signed_is_counted(webhook: Webhook) -> None:
    webhook(signed_event(payload(), secret="wrong"))
    webhook(http_event(encode(payload()), {"x-github-event": "workflow_job"}))
    webhook(signed_event(payload(), secret=BOUND_SECRET))  # signed, for another organization
    assert webhook.metrics == {"DeliveriesRefused": [1, 1]}
