"""The word that ends a run early, and who hears it.

`stop` ends submissions only: what was paid is still polled and fetched. `interrupt` is a person's Ctrl-C: polling
ends too, jobs stay pending with their ids in the journal.
"""

from __future__ import annotations

from veospec.errors import BudgetExceeded, Exit, StoreError, VeospecError
from veospec.run.bell import Bell, sleep
from veospec.run.events import Listener, Stopping
from veospec.run.outcome import Stop
from veospec.run.ports import Clock


class Halt:
    """One per run. The first reason stands."""

    def __init__(self, listener: Listener) -> None:
        self._stop: Stop | None = None
        self.is_interrupted = False
        self.error: VeospecError | None = None
        self._listener = listener
        self._stopped = Bell()
        self._interrupted = Bell()

    @property
    def why(self) -> Stop | None:
        """Why nothing new may begin, or None."""
        return self._stop

    def is_stopping(self) -> bool:
        """Tell whether nothing new may begin."""
        return self._stop is not None

    def stop(self, reason: str, hint: str, exit_: Exit) -> None:
        """Begin nothing new from now on."""
        if self._stop is None:
            self._stop = Stop(reason, hint, exit_)
            self._listener.tell(Stopping(reason, hint))
            self._stopped.ring()

    def fault(self, error: VeospecError) -> None:
        """Stop when an error is not that of one step: the store failed, the account is dead, the budget is spent."""
        if isinstance(error, StoreError | BudgetExceeded) or error.exit_code is Exit.STOPPED:
            self.error = self.error or error
            self.stop(error.message, error.hint, error.exit_code)

    def dead(self, error: VeospecError) -> None:
        """Stop because the provider or the account does not let anything through."""
        self.error = self.error or error
        self.stop(error.message, error.hint, Exit.STOPPED)

    def interrupt(self) -> None:
        """Begin nothing new, and wait for nothing that goes on elsewhere."""
        self.is_interrupted = True
        self._interrupted.ring()
        self.stop("interrupted", "Run the same command again: it continues where this one ended.", Exit.INTERRUPTED)

    async def sleep(self, clock: Clock, seconds: float, *, until_stop: bool = False, bell: Bell | None = None) -> None:
        """Wait, but not longer than until the interrupt, with `until_stop` until the stop, or until the bell rings."""
        if self.is_stopping() if until_stop else self.is_interrupted:
            return
        own = self._stopped if until_stop else self._interrupted
        await sleep(clock, seconds, (own,) if bell is None else (own, bell))
