"""The journal as the memory of a provider: what was uploaded or made once per account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from veospec.run.journal import Journal


class JournalRefs:
    """The journal as the memory of a provider (`providers.base.RemoteRefs`)."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now

    def get(self, account: str, name: str) -> str:
        """Return the handle, or nothing."""
        with self._journal.lock:
            return self._journal.ref(account, name)

    def put(self, account: str, name: str, handle: str) -> None:
        """Remember a handle; another one under the same name is replaced."""
        with self._journal.lock:
            self._journal.remember(account, name, handle, self._now())

    def forget(self, account: str, name: str) -> None:
        """Drop a handle that the service no longer knows."""
        with self._journal.lock:
            self._journal.forget(account, name)
