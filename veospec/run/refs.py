"""The journal as the memory of a provider: what was uploaded or made once per account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from veospec.run.scribe import Scribe


class JournalRefs:
    """The journal as the memory of a provider (`providers.base.RemoteRefs`), read once when the run begins.

    What another process makes meanwhile is made once more, which is free.
    """

    def __init__(self, scribe: Scribe, now: Callable[[], datetime]) -> None:
        self._scribe = scribe
        self._now = now
        self._known = scribe.journal.refs()

    def get(self, account: str, name: str) -> str:
        """Return the handle, or nothing."""
        return self._known.get((account, name), "")

    def put(self, account: str, name: str, handle: str) -> None:
        """Remember a handle; another one under the same name is replaced."""
        self._known[account, name], now = handle, self._now()
        self._scribe.note(lambda journal: journal.remember(account, name, handle, now))

    def forget(self, account: str, name: str) -> None:
        """Drop a handle that the service no longer knows."""
        self._known.pop((account, name), None)
        self._scribe.note(lambda journal: journal.forget(account, name))
