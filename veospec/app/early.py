"""What is delivered while a run goes on: each take with its posters, and at quiet moments all that can be looked at.

The service works for minutes where this needs a moment, so that the moment does not come at the end. Losing any of it
costs nothing: the delivery at the end makes what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Lock
from time import monotonic

from veospec.app.credentials import look, remember
from veospec.app.outputs import deliver_take, out_folder, out_lease, poster_path
from veospec.app.planning import inventory_of
from veospec.app.project import Project
from veospec.app.takes import nodes_of, output_path
from veospec.errors import MediaError, StoreError
from veospec.model import Digest
from veospec.plan.values import Action, Plan
from veospec.review.values import C2pa
from veospec.store.actions import ActionRecord
from veospec.store.layout import Store
from veospec.store.outputs import OutFolder

QUIET_S = 0.2
"""How long nothing may have come in before work begins: jobs that end together first make room for others."""

LONGEST_WAIT_S = 2.0
SHARE = 0.1
"""How much of the time may go into deliveries before the end."""


class EarlyDelivery:
    """One run's. `take` may be called from anywhere and returns at once."""

    def __init__(
        self,
        project: Project,
        store: Store,
        environment: Mapping[str, str],
        pool: ThreadPoolExecutor,
        *,
        to_come: int,
        at_once: int,
    ) -> None:
        self._project = project
        self._store = store
        self._environment = environment
        self._pool = pool
        self._to_come = to_come
        self._at_once = at_once
        self._closing = Event()
        self._began = self._last = self._delivered = monotonic()
        self._waiting = 0
        self._spent_s = 0.0
        self._lock = Lock()
        self._nodes = nodes_of(project.storyboard)
        self._seen: dict[Digest, C2pa] = {}
        self._out: OutFolder | None = None
        self._out_lock = Lock()
        self._held = ExitStack()
        pool.submit(self._get_ready)
        pool.submit(self._deliver_when_quiet)

    def take(self, record: ActionRecord) -> None:
        """Note a finished take."""
        with self._lock:
            self._last = monotonic()
            self._waiting += 1
            self._to_come -= 1
        self._pool.submit(self._look_at, record)

    def hurry(self) -> None:
        """Wait for nothing any more: the end of the run waits for this."""
        self._closing.set()

    def close(self) -> None:
        """Write down what was done, when every thread has ended."""
        self._let_go()

    def _get_ready(self) -> None:
        """Import what the end of the first job needs, while it runs."""
        self._closing.wait(QUIET_S)
        import veospec.app.delivering
        import veospec.providers.flow.downloads  # noqa: F401

    def _look_at(self, record: ActionRecord) -> None:
        """Do what can be done for one take."""
        since = monotonic()
        while self._has_to_wait(since):
            self._closing.wait(QUIET_S / 4)
        with suppress(MediaError, StoreError, OSError):  # the end tells what is wrong
            self._deliver_take(record)
        with self._lock:
            self._waiting -= 1

    def _deliver_take(self, record: ActionRecord) -> None:
        """Make the small pictures of a take, look at its credentials, and put it and its posters into the folder."""
        from veospec.app.thumbs import make_thumbs, shown_frames, thumb_path

        deliver = self._project.storyboard.deliver
        frames = shown_frames(record.facts, deliver.sheet_frames, with_middle=deliver.review != "none")
        blob = self._store.blobs.ensure(record.digest, record.suffix)
        make_thumbs(self._store, record.digest, record.facts, blob, frames)
        state = look(self._store, record)
        node = self._nodes.get(record.node)
        with self._out_lock:
            self._seen[record.digest] = state
            out = self._opened()
            if out is None or node is None:
                return
            deliver_take(out, record, output_path(node, record.take, record.suffix, self._nodes))
            for frame in frames:
                thumb = thumb_path(self._store, record.digest, frame)
                out.write(poster_path(thumb), thumb.read_bytes())

    def _opened(self) -> OutFolder | None:
        """Return the output folder, opened for as long as takes come; None while somebody else delivers into it."""
        if self._out is None:
            with suppress(StoreError):
                self._held.enter_context(out_lease(self._project, self._store, 0.0))
                self._out = self._held.enter_context(out_folder(self._project, self._store))
        return self._out

    def _let_go(self) -> None:
        """Write down what was delivered and seen, and let others deliver."""
        with self._out_lock, suppress(StoreError, OSError):
            self._out, seen, self._seen = None, self._seen, {}
            self._held.close()
            remember(self._store, seen)

    def _has_to_wait(self, since: float) -> bool:
        """Tell whether jobs may be about to be sent."""
        is_last_wave = self._to_come <= self._at_once
        is_busy = monotonic() < min(self._last + QUIET_S, since + LONGEST_WAIT_S)
        return is_busy and not is_last_wave and not self._closing.is_set()

    def _deliver_when_quiet(self) -> None:
        """Deliver everything that can be looked at, whenever nothing has come in for a while that waits for it."""
        while not self._closing.wait(QUIET_S):
            with self._lock:
                is_quiet = not self._waiting and monotonic() >= self._last + QUIET_S
            began = monotonic()
            if is_quiet and self._last > self._delivered and self._spent_s <= SHARE * (began - self._began):
                self._delivered = began
                self._let_go()
                with suppress(MediaError, StoreError, OSError):  # the end tells what is wrong
                    self._deliver()
                self._spent_s += monotonic() - began

    def _deliver(self) -> None:
        from veospec.app.delivering import deliver_early

        deliver_early(self._project, self._store, inventory_of(self._project, self._store), self._environment)


@contextmanager
def early_delivery(
    project: Project, store: Store, plan: Plan, environment: Mapping[str, str], *, at_once: int
) -> Iterator[EarlyDelivery]:
    """Yield the early delivery of a run with `at_once` jobs in flight; at the end every picture is there."""
    to_come = sum(step.action not in (Action.REUSE, Action.SHARE) for step in plan.steps)
    workers = min(2, os.cpu_count() or 1) + 1  # one waits for a quiet moment
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="veospec-early")
    early = EarlyDelivery(project, store, environment, pool, to_come=to_come, at_once=at_once)
    try:
        with pool:
            try:
                yield early
            finally:
                early.hurry()
    finally:
        early.close()
