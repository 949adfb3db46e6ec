"""Work that waits in the middle of a call: one thread, one clock, and every interleaving that concurrency allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from greenlet import getcurrent, greenlet

from local.twin.clock import Scheduled, VirtualClock
from slipway.services.applied import in_turn

T = TypeVar("T")
_SHORT_SECONDS = 0.02


def _nothing() -> None:
    pass


class Died(BaseException):
    """The function is gone in the middle of its work: nothing of it runs any more.

    No ``Exception``, so that nothing takes it for an error that can be answered.
    """


class Fiber:
    """One piece of work with a stack of its own. The clock starts it and goes on with it."""

    def __init__(
        self,
        fibers: Fibers,
        work: Callable[[], object],
        ended: Callable[[], None],
        whole: Fiber | None = None,
    ) -> None:
        self._fibers = fibers
        self._whole = whole  # whose step this one is: they die together
        self._work = work
        self._ended = ended
        self._stack = greenlet(self._run)
        self._below = getcurrent()  # where others run meanwhile
        self._due: Scheduled | None = None
        self._children: list[Fiber] = []
        self._owed = 0.0
        self.is_dead = False

    @property
    def root(self) -> Fiber:
        """Return the piece of work whose step this is, or itself: one invocation of a function."""
        return self._whole.root if self._whole is not None else self

    def go_on_after(self, seconds: float) -> None:
        """Go on at a later moment."""
        self._due = self._fibers.clock.schedule(seconds, self.go_on)

    def go_on(self) -> None:
        """Run until the work waits or ends."""
        if self._stack.dead:
            return
        self._due = None
        before, self._fibers.running = self._fibers.running, self
        self._below = self._stack.parent = getcurrent()
        try:
            self._stack.switch()
        finally:
            self._fibers.running = before

    def pause(self) -> None:
        """Let others run until somebody calls ``go_on``; dies here if it was killed meanwhile."""
        self._below.switch()
        if self.is_dead:
            raise Died

    def wait(self, seconds: float) -> None:
        """Let others run for a while, if any have something to do in it."""
        clock = self._fibers.clock
        if not clock.pass_quietly(seconds):
            self._due = clock.schedule(seconds, self.go_on)
            self.pause()

    def owe(self, seconds: float) -> None:
        """Let time pass until an answer is here; a short time is made up for at the next call, which is as good.

        Between two calls nothing happens that others could see.
        """
        if seconds > _SHORT_SECONDS:
            self.wait(self._owed + seconds)
            self._owed = 0.0
        else:
            self._owed += seconds

    def wait_for_call(self, seconds: float) -> None:
        """Let time pass until a call arrives, and what is owed for the one before."""
        seconds += self._owed
        if seconds < self._fibers.patience_seconds:
            self._owed = seconds
            return
        self._owed = 0.0
        self.wait(seconds)

    def kill(self) -> None:
        """End the work where it waits, and all that it does at once; what is running ends at its next call."""
        if self._whole is not None and not self._whole.is_dead:
            self._whole.kill()
        if self.is_dead or self._stack.dead:
            return
        self.is_dead = True
        for child in self._children:
            child.kill()
        if self._fibers.running is self:
            return
        if self._due is not None:
            self._due.cancel()
        self.go_on_after(0)

    def together(self, steps: Sequence[Callable[[], T]]) -> list[T]:
        """Do steps at once, each in a fiber of its own, and return their results in the same order.

        Raises:
            Exception: what the first step raised that raised anything, when all have ended.
        """
        results: dict[int, T] = {}
        faults: dict[int, Exception] = {}
        left = len(steps)

        def doing(number: int, step: Callable[[], T]) -> Callable[[], None]:
            def do() -> None:
                try:
                    results[number] = step()
                except Exception as fault:  # noqa: BLE001 - it belongs to whoever waits, not to the clock
                    faults[number] = fault

            return do

        def ended() -> None:
            nonlocal left
            left -= 1  # a step that has its result may still owe time: it is the last end that counts
            if left == 0 and not self.is_dead:
                self.go_on_after(0)

        self._children = [Fiber(self._fibers, doing(n, step), ended, self) for n, step in enumerate(steps)]
        for child in self._children:
            child.go_on_after(0)
        self.pause()
        self._children = []
        if faults:
            raise faults[min(faults)]
        return [results[number] for number in range(len(steps))]

    def _run(self) -> None:
        try:
            if not self.is_dead:
                self._work()
                if self._owed:
                    self.wait(self._owed)
        except Died:
            self.is_dead = True
        # What refers to this fiber is let go of: without a cycle it is freed at once, not by the garbage collector.
        ended, self._work, self._ended = self._ended, _nothing, _nothing
        ended()


class Fibers:
    """Every fiber on one clock; ``running`` is the one whose code runs now, None outside of all.

    ``patience_seconds``: so much time of short calls a fiber makes up for later, and lets nobody run meanwhile. None
    where races are looked for; a run that only compares policies saves half of the switching by it.
    """

    def __init__(self, clock: VirtualClock, patience_seconds: float = 0.0) -> None:
        self.clock = clock
        self.patience_seconds = patience_seconds
        self.running: Fiber | None = None

    def start(self, work: Callable[[], object], ended: Callable[[], None] = _nothing) -> Fiber:
        """Begin work at this moment, after what is already due; ``ended`` follows it, also when it dies."""
        fiber = Fiber(self, work, ended)
        fiber.go_on_after(0)
        return fiber

    def together(self, steps: Sequence[Callable[[], T]], /) -> list[T]:
        """Do steps that do not depend on each other: at once inside a fiber, in turn elsewhere."""
        if self.running is None or len(steps) < 2:
            return in_turn(steps)
        return self.running.together(steps)
