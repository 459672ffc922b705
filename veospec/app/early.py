"""What is delivered while a run goes on: pictures of takes, and at quiet moments everything that can be looked at.

The service works for minutes where this needs a moment, so that the moment does not come at the end. Losing any of it
costs nothing: the delivery at the end makes what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event, Lock
from time import monotonic

from veospec.app.planning import inventory_of
from veospec.app.project import Project
from veospec.errors import MediaError, StoreError
from veospec.plan.values import Action, Plan
from veospec.store.actions import ActionRecord
from veospec.store.layout import Store

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
        self._began = self._last = monotonic()
        self._waiting = 0
        self._spent_s = 0.0
        self._lock = Lock()
        self._is_delivering = Lock()
        pool.submit(self._get_ready)

    def take(self, record: ActionRecord) -> None:
        """Note a finished take."""
        with self._lock:
            self._last = monotonic()
            self._waiting += 1
            self._to_come -= 1
        self._pool.submit(self._look_at, record)

    def close(self) -> None:
        """Begin nothing that the end does as well."""
        self._closing.set()

    def _get_ready(self) -> None:
        """Import what the end of the first job needs, while it runs."""
        self._closing.wait(QUIET_S)
        import veospec.app.delivering
        import veospec.providers.flow.downloads  # noqa: F401

    def _look_at(self, record: ActionRecord) -> None:
        """Make the pictures of one take, and deliver when it was the last that waited."""
        from veospec.app.thumbs import make_thumbs, shown_frames

        since = monotonic()
        while self._has_to_wait(since):
            self._closing.wait(QUIET_S / 4)
        with suppress(MediaError, StoreError, OSError):
            blob = self._store.blobs.ensure(record.digest, record.suffix)
            wanted = shown_frames(record.facts, self._project.storyboard.deliver.sheet_frames)
            make_thumbs(self._store, record.digest, record.facts, blob, wanted)
        with self._lock:
            self._waiting -= 1
            is_last = not self._waiting
        if is_last and not self._closing.is_set() and self._is_delivering.acquire(blocking=False):
            try:
                self._deliver()
            finally:
                self._is_delivering.release()

    def _has_to_wait(self, since: float) -> bool:
        """Tell whether jobs may be about to be sent."""
        is_last_wave = self._to_come <= self._at_once
        is_busy = monotonic() < min(self._last + QUIET_S, since + LONGEST_WAIT_S)
        return is_busy and not is_last_wave and not self._closing.is_set()

    def _deliver(self) -> None:
        from veospec.app.delivering import deliver_early

        began = monotonic()
        if self._spent_s > SHARE * (began - self._began):
            return
        with suppress(MediaError, StoreError, OSError):  # the end tells what is wrong
            deliver_early(self._project, self._store, inventory_of(self._project, self._store), self._environment)
        self._spent_s += monotonic() - began


@contextmanager
def early_delivery(
    project: Project, store: Store, plan: Plan, environment: Mapping[str, str], *, at_once: int
) -> Iterator[EarlyDelivery]:
    """Yield the early delivery of a run with `at_once` jobs in flight; at the end every picture is there."""
    to_come = sum(step.action not in (Action.REUSE, Action.SHARE) for step in plan.steps)
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1), thread_name_prefix="veospec-early") as pool:
        early = EarlyDelivery(project, store, environment, pool, to_come=to_come, at_once=at_once)
        try:
            yield early
        finally:
            early.close()
