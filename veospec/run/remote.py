"""Make takes with a service that costs money: settle what earlier runs left, then buy what is missing.

Decides for each take which of these it is; `purchase` buys, `landing` brings home, `local` joins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from veospec.errors import ApiError, BudgetExceeded, Charge, VeospecError
from veospec.model import FREE, Kind
from veospec.plan.keys import key_of
from veospec.plan.values import Action, Plan, Step
from veospec.run.events import Ended, StepStarted, Work
from veospec.run.filing import look
from veospec.run.kit import Kit, resolve_hint
from veospec.run.landing import Landed, Lander
from veospec.run.lifecycle import State
from veospec.run.local import LocalMaker
from veospec.run.outcome import Outcome
from veospec.run.process import allow_many_files
from veospec.run.purchase import Ask, Bought, Purchase
from veospec.run.resume import Earlier
from veospec.run.rows import Entry, Record
from veospec.run.runner import Call, Wanted
from veospec.store.actions import ActionRecord

SEED_STEP = 1_000_003
"""What a second try adds to the seed: a prime far from the seeds of other takes, which count up by one."""

SEED_MODULUS = 2**31
"""Source: the upper bound of `seed` is not documented; clients of the API keep below 2^31. June 2026."""

PREPARING = 4

LOOKS = 5
"""How often a purchase begins again because something else happened to its keys meanwhile."""


class RemoteMaker:
    """Makes the takes of one paid run."""

    def __init__(self, kit: Kit, local: LocalMaker) -> None:
        self._kit = kit
        self._local = local
        self._lander = Lander(kit)
        self._earlier = Earlier(kit, self._lander)
        self._preparing = asyncio.Semaphore(PREPARING)
        self._counted: set[int] = set()

    # -- before and after

    async def open(self, plan: Plan) -> None:
        """Go on with every attempt that no other process works on, and ask the service whether buying will work."""
        kit = self._kit
        allow_many_files()
        await self._earlier.begin()
        paid = [step for step in plan.steps if step.action is Action.GENERATE and step.node.kind is not Kind.JOIN]
        if not paid:
            return
        needed, ceiling = plan.totals.buy.credits, kit.settings.ceiling.credits
        agreed = needed if ceiling is None else ceiling
        try:
            for note in await kit.remote.preflight(tuple(step.node for step in paid), needed, agreed):
                kit.note(note)
        except ApiError as error:
            kit.halt.dead(error)

    async def close(self) -> None:
        """Wait for what is on its way; after an interrupt that is only what was being sent or written."""
        await self._kit.settle()
        self._kit.materials.clear()
        await self._local.close()
        await self._kit.scribe.close()
        self._earlier.end()

    # -- one node

    async def make(self, call: Call) -> None:
        """Make the takes of one node."""
        if call.wanted[0].step.node.kind is Kind.JOIN:
            await self._local.make(call)
            return
        # What the plan wants to buy it has looked for; a purchase looks again when it holds the lease.
        left = [w for w in call.wanted if _is_to_buy(w.step) or not await self._is_settled(w, call)]
        most = max(1, self._kit.settings.most_takes(call.wanted[0].step.node))
        async with asyncio.TaskGroup() as tasks:
            for group in _consecutive(left, most):
                tasks.create_task(self._group(group, call))

    async def _group(self, group: tuple[Wanted, ...], call: Call) -> None:
        """Buy consecutive takes and tell how each ended; a fault of the store or of an input ends them all."""
        left = list(group)
        try:
            for _ in range(LOOKS):
                if not left or self._kit.halt.is_stopping():
                    return
                asks = tuple(Ask(w, _seed(w.step), w.key, w.document) for w in left)
                bought = await Purchase(self._kit, self._lander, call, asks, self._preparing).run()
                if not bought.looks_again:
                    await self._tell(asks, bought, call)
                    return
                left = [wanted for wanted in left if not await self._is_settled(wanted, call)]
        except VeospecError as error:
            self._kit.halt.fault(error)
            state = Ended.STOPPED if isinstance(error, BudgetExceeded) else Ended.FAILED
            for wanted in left:
                if not await self._was_sent(wanted, error, call):
                    call.done(Outcome(wanted.step, state, wanted.key, reason=error.message, hint=error.hint))
            return
        for wanted in left:
            text = "another process makes and gives up the same take; run the same command again"
            call.done(Outcome(wanted.step, Ended.PENDING, wanted.key, reason=text))

    async def _was_sent(self, wanted: Wanted, error: VeospecError, call: Call) -> bool:
        """Tell how a take stands that may be paid although the store failed on the way; False when it was not sent."""
        try:
            attempts = await self._kit.scribe.look(lambda journal: journal.at(wanted.key))
        except VeospecError:
            return False
        for record, entry in attempts:
            if entry.is_live and entry.state is not State.RESERVED:
                await self._end(wanted, entry, Landed(record, error.message, error.hint), call)
                return True
        return False

    async def _tell(self, asks: Sequence[Ask], bought: Bought, call: Call) -> None:
        """Tell how the takes of a purchase ended, or try those again that the policy allows to."""
        if bought.landed is None:
            for ask in asks:
                if bought.is_refused and not bought.is_final and await self._second_try(ask, bought.reason, call):
                    continue
                self._tell_not_bought(ask, bought, call)
            return
        record = bought.landed.record
        for ask, entry in zip(asks, record.entries, strict=True):
            may_retry = entry.state is State.REFUSED and entry.charge is Charge.NO
            if may_retry and await self._second_try(ask, entry.reason, call):
                continue
            await self._end(ask.wanted, entry, bought.landed, call)

    def _tell_not_bought(self, ask: Ask, bought: Bought, call: Call) -> None:
        if bought.is_stopped and not bought.reason:
            return  # the run stopped: the runner says why
        state = Ended.STOPPED if bought.is_stopped else Ended.REFUSED if bought.is_refused else Ended.FAILED
        step = ask.wanted.step
        call.done(Outcome(step, state, ask.wanted.key, reason=bought.reason, hint=bought.hint))

    # -- what is there, what is on its way, what stands in the way

    async def _is_settled(self, wanted: Wanted, call: Call) -> bool:
        """Tell how a take ended that needs no purchase; False when it has to be bought."""
        kit, step = self._kit, wanted.step
        if await self._is_here(wanted, call):
            return True
        attempts = await kit.scribe.look(lambda journal: journal.at(wanted.key))
        live = next(((record, entry) for record, entry in attempts if entry.is_live), None)
        may_begin = step.action is Action.GENERATE
        if live is not None:
            kit.tell(StepStarted(step.id, Work.RESUME))
            landed = await self._earlier.land(live[0])
            entry = next(e for e in landed.record.entries if e.number == live[1].number)
            if entry.state is not State.ABANDONED:
                await self._end(wanted, entry, landed, call)
                return True
            if await self._is_here(wanted, call):
                return True
            may_begin = may_begin or step.worth.is_free
        refused = [entry for _, entry in attempts if entry.state is State.REFUSED]
        if refused:
            hint = "Change the words or the pictures, or allow it once more: veospec resolve "
            call.done(
                Outcome(
                    step, Ended.REFUSED, wanted.key, reason=refused[-1].reason, hint=f"{hint}{step.node.id} --retry"
                )
            )
            return True
        made = kit.bench.store.actions.get(wanted.key)
        if made is not None:
            await self._without_bytes(wanted, made, call, attempts)
            return True
        if may_begin:
            return False
        state = {Action.REFUSED: Ended.REFUSED, Action.BLOCKED: Ended.BLOCKED}.get(step.action, Ended.HELD)
        hint = resolve_hint(step.node.id) if state is Ended.HELD else ""
        call.done(Outcome(step, state, wanted.key, reason=step.reason.text, hint=hint))
        return True

    async def _is_here(self, wanted: Wanted, call: Call) -> bool:
        kit, step = self._kit, wanted.step
        there = await kit.bench.blocking(look, kit.bench.store, wanted.key)
        if there is None:
            return False
        was_paid = step.action in (Action.RESUME, Action.FETCH)
        reason = "an earlier run paid for it" if was_paid else "the same request was made before"
        state = Ended.RESUMED if was_paid else Ended.REUSED
        call.done(Outcome(step, state, wanted.key, there.digest, there, reason=reason))
        return True

    async def _without_bytes(
        self, wanted: Wanted, made: ActionRecord, call: Call, attempts: Sequence[tuple[Record, Entry]]
    ) -> None:
        """End a take whose record is here and whose bytes are not: it is downloaded again, and never bought again."""
        step = wanted.step
        self._kit.tell(StepStarted(step.id, Work.FETCH))
        paid = next((pair for pair in reversed(attempts) if pair[1].state is State.SETTLED), None)
        record = await self._lander.again(made, paid)
        if record is not None:
            text = "its bytes were missing; downloaded again"
            call.done(Outcome(step, Ended.RESUMED, wanted.key, record.digest, record, reason=text))
            return
        reason = "its record is here, its bytes are missing or damaged, and the service does not hand them out now"
        hint = "Run it again later, or put the file back: `veospec cache verify` names it."
        call.done(Outcome(step, Ended.HELD, wanted.key, reason=reason, hint=hint))

    # -- a second try with another seed

    async def _second_try(self, ask: Ask, reason: str, call: Call) -> bool:
        """Buy a refused take once more with another seed, where the policy asks for it; False when it does not.

        Another seed is another request with a key of its own. The result is filed under both keys, and its record
        names the seed that was used.
        """
        kit, step = self._kit, ask.wanted.step
        policy, document = kit.settings.policy, ask.wanted.document
        base = _seed(step)
        number = (ask.seed - base) % SEED_MODULUS // SEED_STEP + 1
        if policy.reject_change != "seed" or number > policy.reject_retries or "seed" not in document:
            return False
        if kit.halt.is_stopping():
            return False
        seed = (base + number * SEED_STEP) % SEED_MODULUS
        other = {**document, "seed": seed}
        kit.note(
            f"{step.label} was refused ({reason}); trying seed {seed} instead of {base}"
            f" ({number} of {policy.reject_retries}, policy.on_reject)",
            step.id,
        )
        again = Ask(ask.wanted, seed, key_of(other), other)
        bought = await Purchase(kit, self._lander, call, (again,), self._preparing).run()
        if bought.looks_again:
            if not await self._is_settled(ask.wanted, call):
                text = "the second try is made by another process; run the same command again"
                call.done(Outcome(step, Ended.PENDING, ask.wanted.key, reason=text))
            return True
        await self._tell((again,), bought, call)
        return True

    # -- outcomes

    async def _end(self, wanted: Wanted, entry: Entry, landed: Landed, call: Call) -> None:
        """Tell how a take of an attempt ended."""
        step, kit = wanted.step, self._kit
        is_ours = landed.record.run == kit.settings.run
        is_spent = is_ours and entry.charge is not Charge.NO and entry.number not in self._counted
        self._counted.add(entry.number)
        cost = entry.cost if is_spent else FREE
        if entry.state is State.SETTLED:
            record = await kit.bench.blocking(look, kit.bench.store, wanted.key)
            if record is not None:
                call.done(
                    Outcome(
                        step,
                        Ended.MADE if is_ours else Ended.RESUMED,
                        wanted.key,
                        record.digest,
                        record,
                        cost,
                        _made_text(step, entry, is_ours=is_ours),
                    )
                )
                return
        state, reason, hint = _unmade(step, entry, landed)
        call.done(replace(Outcome(step, state, wanted.key, reason=reason, hint=hint), cost=cost))


def _made_text(step: Step, entry: Entry, *, is_ours: bool) -> str:
    if entry.is_second_try:
        return f"made with seed {entry.seed} after a refusal (policy.on_reject)"
    return step.reason.text if is_ours else "an earlier run paid for it"


def _unmade(step: Step, entry: Entry, landed: Landed) -> tuple[Ended, str, str]:
    """Return state, reason and hint of a take that has no bytes here."""
    if entry.state is State.REFUSED:
        return Ended.REFUSED, entry.reason, landed.hint or "Change the words or the pictures."
    if entry.state in (State.UNKNOWN, State.SUBMITTING):
        at = landed.record.attempt.created_at
        looked = f"; {landed.reason}" if landed.reason else ""
        text = f"a job may have been started at {at:%Y-%m-%d %H:%M:%S} UTC ({entry.reason}); nothing was sent again"
        return Ended.HELD, text + looked, resolve_hint(step.node.id)
    if entry.state is State.LOST:
        return Ended.HELD, f"paid, but its result is gone: {entry.reason}", resolve_hint(step.node.id)
    if entry.state in (State.SUBMITTED, State.GENERATED, State.STORED, State.SETTLED):
        return Ended.PENDING, landed.reason or "its job goes on", landed.hint or "Run the same command again."
    if entry.state is State.RESERVED:
        return Ended.PENDING, landed.reason, "Run the same command again."
    return Ended.FAILED, entry.reason or landed.reason, landed.hint or "Run the same command again to try it once more."


def _is_to_buy(step: Step) -> bool:
    return step.action is Action.GENERATE and step.key is not None


def _seed(step: Step) -> int:
    return step.node.request.seed + step.take - 1


def _consecutive(wanted: Sequence[Wanted], most: int) -> list[tuple[Wanted, ...]]:
    """Split takes into runs whose numbers, and so their seeds, count up by one."""
    groups: list[list[Wanted]] = []
    for one in wanted:
        last = groups[-1] if groups else []
        if last and len(last) < most and one.step.take == last[-1].step.take + 1:
            last.append(one)
        else:
            groups.append([one])
    return [tuple(group) for group in groups]
