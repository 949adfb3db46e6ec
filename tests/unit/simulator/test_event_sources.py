"""What stands between a queue and a function: batches, concurrency, and what comes again."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from local.simulator.event_sources import Messages, QueueMapping
from local.twin.aws.account import AwsTwin
from local.twin.aws.behaviour import Behaviour
from local.twin.clock import VirtualClock
from local.twin.latency import LatencyModel, Phase, exactly

START = 1_000.0
VISIBILITY = 60
DISPATCH = LatencyModel({Phase.QUEUE_TO_FUNCTION: exactly(0.25)})
Done = Callable[[set[int] | None], None]


@dataclass
class Stage:
    """A queue with dead letters, and a mapping that hands its messages to the test."""

    concurrency: int = 10
    doubled: float = 0.0
    latency: LatencyModel | None = field(default_factory=lambda: DISPATCH)
    invocations: list[tuple[float, list[str]]] = field(default_factory=list)
    open: list[Done] = field(default_factory=list)
    seconds: float | None = 0.0
    """How long an invocation takes; None: until the test ends it."""
    fails: Callable[[str], bool] = lambda _body: False
    dies: Callable[[list[str]], bool] = lambda _bodies: False
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.clock = VirtualClock(START)
        behaviour = Behaviour(doubled_message_rate=self.doubled)
        self.aws = AwsTwin(self.clock, latency=LatencyModel.none(), seed=1, behaviour=behaviour)
        sqs = self.aws.client("sqs")
        sqs.create_queue(QueueName="dead-letters")
        arn = "arn:aws:sqs:ap-northeast-1:123456789012:dead-letters"
        self.url = sqs.create_queue(
            QueueName="jobs",
            Attributes={
                "VisibilityTimeout": str(VISIBILITY),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"}),
            },
        )["QueueUrl"]
        self.mapping = QueueMapping(
            self.clock,
            sqs,
            self.url,
            self._handle,
            concurrency=self.concurrency,
            latency=self.latency,
            rng=random.Random(1),
        )
        self._running = 0

    def _handle(self, messages: Messages, done: Done) -> None:
        bodies = [message["Body"] for message in messages]
        self.invocations.append((self.clock.now() - START, bodies))
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)

        def over(failed: set[int] | None) -> None:
            self._running -= 1
            done(failed)

        failed = None if self.dies(bodies) else {n for n, body in enumerate(bodies) if self.fails(body)}
        if self.seconds is None:
            self.open.append(over)
        elif self.seconds:
            self.clock.schedule(self.seconds, lambda: over(failed))
        else:
            over(failed)

    def send(self, count: int = 1) -> list[str]:
        bodies = [f"message {number}" for number in range(count)]
        for body in bodies:
            self.aws.sqs.deliver("jobs", body)
        return bodies

    @property
    def received(self) -> Counter[str]:
        return Counter(body for _, bodies in self.invocations for body in bodies)

    def left(self) -> list[str]:
        return self.aws.sqs.bodies("jobs")


def test_a_message_is_handed_out_after_its_way_and_deleted_when_it_is_done() -> None:
    stage = Stage()
    stage.send()
    stage.clock.advance(300.0)
    assert stage.invocations == [(0.25, ["message 0"])]
    assert stage.left() == []


def test_without_a_latency_model_the_way_takes_a_moment_too() -> None:
    stage = Stage(latency=None)
    stage.send()
    assert stage.invocations == []
    stage.clock.advance(0.1)
    assert len(stage.invocations) == 1


def test_at_most_ten_messages_make_a_batch_and_each_is_in_one() -> None:
    stage = Stage(seconds=1.0)
    bodies = stage.send(37)
    stage.clock.advance(10.0)
    assert [len(batch) for _, batch in stage.invocations] == [10, 10, 10, 7]
    assert stage.received == Counter(bodies)
    assert stage.left() == []


def test_no_more_invocations_run_at_once_than_the_mapping_allows() -> None:
    stage = Stage(concurrency=2, seconds=5.0)
    bodies = stage.send(45)
    stage.clock.advance(VISIBILITY - 1.0)
    assert stage.most_at_once == 2
    assert [at for at, _ in stage.invocations] == [0.25, 0.25, 5.5, 5.5, 10.75]
    assert stage.received == Counter(bodies)


def test_what_comes_while_all_are_running_is_handed_out_as_soon_as_one_ends() -> None:
    stage = Stage(concurrency=1, seconds=None)
    stage.send()
    stage.clock.advance(1.0)
    stage.aws.sqs.deliver("jobs", "later")
    stage.clock.advance(30.0)
    assert len(stage.invocations) == 1
    stage.open.pop()(set())
    stage.clock.advance(0.25)
    assert stage.invocations[1] == (31.25, ["later"])


def test_failed_messages_come_again_after_the_visibility_timeout_and_the_others_do_not() -> None:
    stage = Stage(seconds=1.0, fails=lambda body: body == "message 1")
    stage.send(3)
    stage.clock.advance(VISIBILITY)
    assert len(stage.invocations) == 1
    assert stage.left() == ["message 1"]
    stage.fails = lambda _body: False
    stage.clock.advance(VISIBILITY)
    # Hidden since it was received at 0.25 s; visible again it is on its way as any other.
    assert stage.invocations[1:] == [(0.25 + VISIBILITY + 0.25, ["message 1"])]
    assert stage.left() == []


def test_the_whole_batch_of_an_invocation_that_died_comes_again() -> None:
    stage = Stage(seconds=1.0, dies=lambda _bodies: True)
    bodies = stage.send(4)
    stage.clock.advance(2.0)
    assert stage.left() == bodies
    stage.dies = lambda _bodies: False
    stage.clock.advance(2 * VISIBILITY)
    assert [batch for _, batch in stage.invocations] == [bodies, bodies]
    assert stage.left() == []


def test_after_five_receives_a_message_goes_to_the_dead_letters_and_nowhere_else() -> None:
    stage = Stage(seconds=1.0, fails=lambda body: body == "message 0")
    stage.send(2)
    stage.clock.advance(10 * VISIBILITY)
    assert stage.received == {"message 0": 5, "message 1": 1}
    assert stage.left() == []
    assert stage.aws.sqs.bodies("dead-letters") == ["message 0"]


def test_a_batch_that_kills_its_function_each_time_ends_in_the_dead_letters() -> None:
    stage = Stage(seconds=1.0, dies=lambda _bodies: True)
    bodies = stage.send(3)
    stage.clock.advance(10 * VISIBILITY)
    assert stage.received == Counter(dict.fromkeys(bodies, 5))
    assert sorted(stage.aws.sqs.bodies("dead-letters")) == bodies


def test_doubled_messages_are_handed_out_again_and_all_are_deleted_in_the_end() -> None:
    """[SQS-AT-LEAST-ONCE]"""
    stage = Stage(doubled=0.3, seconds=1.0)
    bodies = stage.send(40)
    stage.clock.advance(10 * VISIBILITY)
    assert set(stage.received) == set(bodies)
    assert max(stage.received.values()) > 1
    assert stage.left() == []


def test_a_message_that_lasts_longer_than_it_is_hidden_is_handed_out_to_another() -> None:
    stage = Stage(seconds=VISIBILITY + 5.0)
    stage.send()
    stage.clock.advance(VISIBILITY + 2.0)
    assert stage.received == {"message 0": 2}
    assert stage.most_at_once == 2
    stage.clock.advance(5 * VISIBILITY)
    assert stage.left() == []
