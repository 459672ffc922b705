"""One paid request from its inputs to the takes it yields.

The order of things is the whole safety: inputs are prepared before anything is reserved; the leases of the keys are
held before the last look; the intent is on disk before the request leaves; the job id is on disk before anything
else happens; an unclear answer ends the attempt and is never followed by a second request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct, field

from veospec.errors import ApiError, Charge, ContentRefused, Scope, StoreError
from veospec.model import FREE, Cost, Key
from veospec.plan.values import Document, StepId
from veospec.providers.base import Accepted, Order, Prepared
from veospec.run import rescue
from veospec.run.events import Phase, Reserved, Settled, StepStarted, Waiting, Work
from veospec.run.filing import was_made
from veospec.run.journal import Journal, Standing
from veospec.run.kit import VIDEO, Kit, lane_of
from veospec.run.landing import Landed, Lander, said
from veospec.run.leases import leases
from veospec.run.lifecycle import Event, State
from veospec.run.limits import Place
from veospec.run.rows import Intent, Part, Record
from veospec.run.runner import Call, Wanted
from veospec.run.verdicts import Verdict, on_submit, passes


def _nothing() -> None:
    pass


class Ask(Struct, frozen=True):
    """One take to buy. The sent key and document are the plan's own, except in a second try with another seed."""

    wanted: Wanted
    seed: int
    sent_key: Key
    sent_document: Document

    @property
    def step(self) -> StepId:
        """The step it is for."""
        return self.wanted.step.id


class Bought(Struct, frozen=True):
    """How a purchase ended: `landed` when a request was accepted or its fate is unknown; else `reason` says why not.

    `looks_again` tells that something else happened to these keys meanwhile. Without `landed` nothing was sent, or
    what was sent was proven to be rejected; `is_final` when other words or another seed cannot change it.
    """

    landed: Landed | None = None
    looks_again: bool = False
    is_refused: bool = False
    is_final: bool = False
    is_stopped: bool = False
    reason: str = ""
    hint: str = ""


class _Patience(Struct):
    """What one request may still wait and try."""

    tries: int = 0
    waited_s: float = 0.0


class Purchase(Struct):
    """Buys consecutive takes of one node with one request."""

    kit: Kit
    lander: Lander
    call: Call
    asks: tuple[Ask, ...]
    preparing: asyncio.Semaphore
    _patience: _Patience = field(default_factory=_Patience)
    _accepted_at: float | None = None
    _denied: set[str] = field(default_factory=set)
    _account: str = ""
    _gone: Callable[[], None] = _nothing

    @property
    def _steps(self) -> tuple[StepId, ...]:
        return tuple(ask.step for ask in self.asks)

    @property
    def _keys(self) -> set[Key]:
        return {key for ask in self.asks for key in (ask.wanted.key, ask.sent_key)}

    async def run(self) -> Bought:
        """Buy them. Raises `StoreError`, `MediaError`, `PlanStale` or `BudgetExceeded`; nothing was sent then."""
        kit, node = self.kit, self.asks[0].wanted.step.node
        for step in self._steps:
            kit.tell(StepStarted(step, Work.GENERATE))
        while True:
            prepared = await self._prepared()
            if isinstance(prepared, Bought):
                return prepared
            account, lane = prepared.account, lane_of(node)
            kit.progress(self._steps, Phase.QUEUED)
            await kit.downloads.calm()
            await kit.gates.wait(_gates(account, node.request.model), kit.halt)
            await kit.slots.take(account, lane)
            place = Place(lambda: kit.slots.give_back(account, lane))  # noqa: B023 - freed in this turn of the loop
            try:
                if lane == VIDEO:
                    await kit.pace.turn(account, kit.halt)
                if kit.halt.is_stopping():
                    return Bought(is_stopped=True)
                denied = kit.denied(account, node.request.model)
                if denied is not None and account in self._denied:
                    return Bought(is_stopped=denied.is_stopped, reason=denied.reason, hint=denied.hint)
                if denied is not None:
                    self._denied.add(account)
                    continue
                if kit.gates.remaining_s(_gates(account, node.request.model)) > 0:
                    continue
                with kit.departures.one() as self._gone:
                    bought = await self._with_leases(prepared, place)
            finally:
                place.free()
            if bought is not None:
                return bought

    async def _prepared(self) -> Prepared | Bought:
        """Fill the slots and write the body; free, so it is repeated while that may help."""
        kit, first = self.kit, self.asks[0]
        step, last = first.wanted.step, None
        while not kit.halt.is_stopping():
            try:
                async with self.preparing:
                    kit.progress(self._steps, Phase.PREPARE)
                    materials = await kit.materials.of(step.node, first.wanted.document, self.call.record_of)
                    takes = tuple(ask.wanted.step.take for ask in self.asks)
                    keys = tuple(ask.sent_key for ask in self.asks)
                    prepared = await kit.remote.prepare(Order(step.node, takes, keys, first.seed, materials))
            except ApiError as error:
                if passes(error) and await self._wait(error, ()):
                    continue
                if isinstance(error, ContentRefused):
                    return await self._input_refused(error)
                if error.scope is Scope.RUN:
                    kit.halt.dead(error)
                if error.scope is Scope.ACCOUNT and not passes(error) and error is not last:
                    last = error  # the next account, where there is one; else the same error comes back
                    continue
                stops = error.scope in (Scope.RUN, Scope.ACCOUNT) or passes(error)
                if stops and error.scope is not Scope.RUN:
                    kit.explain(error)
                return Bought(is_stopped=stops, reason=said(error), hint=error.hint)
            self._tell_move(prepared)
            return prepared
        return Bought(is_stopped=True)

    async def _input_refused(self, error: ContentRefused) -> Bought:
        """Remember by key that a picture was refused before anything was sent: its bytes are refused every time."""
        kit, now, order = self.kit, self.kit.now(), self.asks[0].wanted.step.node
        nothing = Order(order, (), (), self.asks[0].seed, ())
        intent = self._intent(Prepared(nothing, self._account, error.operation, {}), FREE)

        def remember(journal: Journal) -> None:
            if isinstance(journal.reserve(intent, kit.settings.ceiling, now, sends=True), Record):
                journal.ended(intent.attempt, Event.CONTENT_REFUSED, said(error), Charge.NO, now)

        async with leases(kit.bench, self._keys, kit.halt, kit.waits_for(self._steps)) as are_ours:
            if are_ours:
                await kit.scribe.do(remember)
        return Bought(is_refused=True, is_final=True, reason=said(error), hint=error.hint)

    def _tell_move(self, prepared: Prepared) -> None:
        if self._account not in ("", prepared.account):
            self.kit.note(f"it is made by {prepared.account} instead of {self._account}", self._steps[0])
            self._patience = _Patience()
        self._account = prepared.account

    async def _with_leases(self, prepared: Prepared, place: Place) -> Bought | None:
        """Send the request when its keys are ours; None to begin again after a wait."""
        kit = self.kit
        async with leases(kit.bench, self._keys, kit.halt, kit.waits_for(self._steps)) as are_ours:
            if not are_ours or kit.halt.is_stopping():
                return Bought(is_stopped=True)
            if any(was_made(kit.bench.store, key) for key in self._keys):
                return Bought(looks_again=True)
            # Out of reach of a cancellation: what is begun is followed to its line in the journal.
            record, sent = await asyncio.shield(kit.follow(self._request(prepared)))
            if record is None:
                return Bought(looks_again=True)
            if isinstance(sent, ApiError):
                place.free()
                return await self._not_accepted(sent, record, prepared)
            return Bought(await self._land(record, sent, place))

    async def _request(self, prepared: Prepared) -> tuple[Record | None, Accepted | ApiError]:
        """Reserve and send; no record when the journal knows of something else at one of the keys."""
        kit, settings, now = self.kit, self.kit.settings, self.kit.now()
        intent = self._intent(prepared)

        def begin(journal: Journal) -> Record | Standing:
            """Reserve and begin in one transaction: place and leases are ours, nothing is waited for any more."""
            return journal.reserve(intent, settings.ceiling, now, sends=True)

        record = await kit.scribe.do(begin)
        if isinstance(record, Standing):
            return None, ApiError(f"{intent.node} is {record.state} already")
        kit.tell(Reserved(intent.attempt, self._steps, intent.cost))
        return await self._send(prepared, record)

    def _intent(self, prepared: Prepared, price: Cost | None = None) -> Intent:
        kit, settings = self.kit, self.kit.settings
        attempt = settings.new_id()
        node = self.asks[0].wanted.step.node
        return Intent(
            attempt=attempt,
            reply_ref=f"vs1:{self.asks[0].sent_key[:16]}:{attempt}",
            run=settings.run,
            board=kit.bench.board,
            provider=self._provider,
            process=settings.process,
            node=node.id,
            account=prepared.account,
            model=node.request.model,
            path=prepared.path,
            body=prepared.body,
            parts=tuple(
                Part(
                    key=ask.wanted.key,
                    document=ask.wanted.document,
                    sent_key=ask.sent_key,
                    sent_document=ask.sent_document,
                    take=ask.wanted.step.take,
                    seed=ask.seed,
                    cost=ask.wanted.step.worth if price is None else price,
                )
                for ask in self.asks
            ),
        )

    @property
    def _provider(self) -> str:
        """The provider's name, as the key document has it."""
        return str(self.asks[0].sent_document.get("provider", ""))

    async def _send(self, prepared: Prepared, record: Record) -> tuple[Record, Accepted | ApiError]:
        """Send, and write down what came of it before anything else happens."""
        kit, attempt = self.kit, record.id
        kit.progress(self._steps, Phase.SUBMIT)
        try:
            accepted = await kit.remote.submit(prepared, record.attempt.reply_ref)
            self._accepted_at = kit.bench.clock.monotonic()
            self._gone()
        except ApiError as error:
            return await self._judged(error, on_submit(error), record), error
        except BaseException as error:
            # A bug, or the end of the process: nobody knows what became of the request.
            reason, then = f"the answer could not be read ({type(error).__name__})", kit.now()
            await kit.scribe.do(lambda journal: journal.unclear(attempt, reason, then))
            raise
        try:
            then = kit.now()
            record = await kit.scribe.do(
                lambda journal: journal.accepted(attempt, accepted.job_id, accepted.account, then), is_urgent=True
            )
        except StoreError as error:
            self._rescue(record, accepted, error)
            raise
        return record, accepted

    async def _judged(self, error: ApiError, verdict: Verdict, record: Record) -> Record:
        """Write down what an error says about a request that was sent."""
        kit, now, attempt = self.kit, self.kit.now(), record.id
        reason = said(error)
        if verdict.event is Event.ANSWER_LOST:
            return await kit.scribe.do(lambda journal: journal.unclear(attempt, reason, now))
        ended = await kit.scribe.do(lambda journal: journal.ended(attempt, verdict.event, reason, Charge.NO, now))
        kit.tell(Settled(attempt, self._steps, FREE, record.cost))
        return ended

    async def _not_accepted(self, error: ApiError, record: Record, prepared: Prepared) -> Bought | None:
        """Decide what follows an answer that is no acceptance; None to begin again."""
        kit, verdict = self.kit, on_submit(error)
        model = record.attempt.model
        if verdict.event is Event.ANSWER_LOST:
            kit.note("the answer was lost, looking for its job", self._steps[0])
            landed = await self.lander.recover(record, is_fresh=True)
            if landed.record.entries[0].state is State.ABANDONED:
                return None if await self._wait(error, ()) else Bought(reason=error.message, hint=error.hint)
            if landed.record.entries[0].state is State.SUBMITTED:
                landed = await self.lander.land(landed.record, accepted_at=None, generated=_nothing)
            return Bought(landed)
        if not verdict.is_passing and error.repeats and await self._wait(error, ()):
            return None
        if verdict.is_passing:
            if error.scope is Scope.ACCOUNT:
                kit.slots.halve(prepared.account, lane_of(prepared.order.node))
            if await self._wait(error, _gate_of(error.scope, prepared.account, model)):
                return None
        await kit.stop_for(error, prepared.account, model)
        if error.scope in (Scope.ACCOUNT, Scope.MODEL):
            self._denied.add(prepared.account)
            return None  # the next account, where there is one
        is_stopped = verdict.is_passing or error.scope is Scope.RUN
        if verdict.is_passing and error.scope is not Scope.RUN:
            kit.explain(error)
        is_refused = verdict.event is Event.CONTENT_REFUSED
        return Bought(is_refused=is_refused, is_stopped=is_stopped, reason=said(error), hint=error.hint)

    async def _wait(self, error: ApiError, gate: tuple[str, ...]) -> bool:
        """Wait as long as the service asks, within patience; False when it is too long or too often."""
        kit, patience, limits = self.kit, self._patience, self.kit.settings.limits
        patience.tries += 1
        wait_s = limits.backoff_s(patience.tries, error.retry_after_s, kit.rnd)
        most = limits.submit_tries if error.repeats is None else min(limits.submit_tries, error.repeats + 1)
        if patience.tries >= most or patience.waited_s + wait_s > limits.patience_s:
            return False
        patience.waited_s += wait_s
        if gate:
            kit.gates.close(gate, wait_s)
        kit.tell(Waiting(self._steps, error.message, wait_s))
        await kit.halt.sleep(kit.bench.clock, wait_s, until_stop=True)
        return not kit.halt.is_stopping()

    async def _land(self, record: Record, accepted: Accepted, place: Place) -> Landed:
        kit = self.kit
        if accepted.results:
            place.free()
            results, record = await self.lander.write_down(record, accepted.results)
            return await self.lander.land(record, accepted_at=self._accepted_at, generated=place.free, results=results)
        if not accepted.job_id:
            now = kit.now()
            reason = "the service accepted the request without a job id"
            record = await kit.scribe.do(lambda journal: journal.ended(record.id, Event.GONE, reason, Charge.YES, now))
        return await self.lander.land(record, accepted_at=self._accepted_at, generated=place.free)

    def _rescue(self, record: Record, accepted: Accepted, error: StoreError) -> None:
        """Keep the job id where it can be kept, and begin nothing more."""
        kit, attempt = self.kit, record.attempt
        found = rescue.Rescued(attempt.id, attempt.reply_ref, attempt.node, accepted.account, accepted.job_id)
        where = rescue.save(found, kit.settings.rescue_folder, kit.now(), kit.settings.say)
        kit.halt.stop(
            f"a job of {attempt.node} runs, but the journal cannot be written: {error.message}",
            f"Its id is in {where}. When the journal can be written again: veospec resolve --import FILE",
            error.exit_code,
        )


def _gates(account: str, model: str) -> tuple[tuple[str, ...], ...]:
    return (("run",), ("account", account), ("model", account, model))


def _gate_of(scope: Scope, account: str, model: str) -> tuple[str, ...]:
    return {Scope.ACCOUNT: ("account", account), Scope.MODEL: ("model", account, model), Scope.RUN: ("run",)}.get(
        scope, ()
    )
