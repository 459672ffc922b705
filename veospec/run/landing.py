"""Bring home what was accepted: look at the job, write down its links, fetch each file, file it away.

Nothing here can cost money and everything may be repeated, by this process or the next. What could not be brought
home stays in the journal where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from veospec.errors import ApiError, Charge, MediaError, Scope, StoreError
from veospec.model import FREE
from veospec.providers.base import Receipt, Result
from veospec.run.events import Phase, Settled, Waiting
from veospec.run.filing import Label, file_away, look
from veospec.run.journal import Journal
from veospec.run.kit import Kit, steps_of
from veospec.run.lifecycle import Event, State
from veospec.run.looks import Watch
from veospec.run.matching import is_usable, match
from veospec.run.rows import Entry, Record
from veospec.run.verdicts import on_job
from veospec.store.actions import ActionRecord
from veospec.store.durable import scratch_name

HARD_TRIES = 3
"""Looks that may fail for a reason which does not pass by itself before the job is left for the next run."""

RECOVER_AFTER_S = (0.0, 3.0, 10.0, 30.0)
"""When to look for a request whose answer was lost: a job may appear late in the lists that are searched."""

AFTER_YOU_S = 0.25
"""How long a download lets requests that are being sent go first."""


class Landed(Struct, frozen=True):
    """An attempt as it stands now, and why it is not further."""

    record: Record
    reason: str = ""
    hint: str = ""


class Lander:
    """Lands attempts of one run."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def land(
        self,
        record: Record,
        *,
        accepted_at: float | None,
        generated: Callable[[], None],
        results: Mapping[int, Result] | None = None,
    ) -> Landed:
        """Take an accepted attempt as far as it goes now.

        `generated` is called as soon as the service works on it no longer, perhaps again later. `accepted_at` is the
        monotonic instant when this process heard of its acceptance; without it the first look comes at once. `results`
        are what the acceptance brought, already written down.
        """
        kit, why = self._kit, Landed(record)
        try:
            if results is None and any(entry.state is State.SUBMITTED for entry in record.entries):
                found, why = await self._watch(record, accepted_at)
                generated()
                if found:
                    results, record = await self.write_down(record, found)
                    why = replace(why, record=record)
        finally:
            generated()
        record = why.record
        waiting = [entry for entry in record.entries if entry.state is State.GENERATED]
        results = results or {}
        troubles = await asyncio.gather(*(self._bring(record, entry, results.get(entry.position)) for entry in waiting))
        record = await kit.scribe.look(lambda journal: journal.record(record.id))
        trouble = next((t for t in troubles if t is not None), None)
        return replace(trouble or why, record=record)

    async def write_down(self, record: Record, found: tuple[Result, ...]) -> tuple[dict[int, Result], Record]:
        """Write down what a finished job holds for each take; return it by position, and the attempt as it is now."""
        now = self._kit.now()
        open_ = {entry.position for entry in record.entries if entry.state is State.SUBMITTED}
        matched = match(record.entries, _completed(record, found))
        matched = {position: result for position, result in matched.items() if position in open_}
        good = {position: result for position, result in matched.items() if is_usable(result)}
        released = [e for e in record.entries if e.position in matched and e.position not in good]
        with_links = {position: replace(result, content=None) for position, result in good.items()}

        def write(journal: Journal) -> Record:
            written = journal.generated(record.id, with_links, now)
            for entry in released:
                reason = matched[entry.position].refused or "refused without a reason"
                written = journal.ended(record.id, Event.CONTENT_REFUSED, reason, Charge.NO, now, (entry.position,))
            return written

        record = await self._kit.scribe.do(write)
        if released:
            self._tell_released(record, released)
        return good, record

    async def recover(self, record: Record, *, is_fresh: bool) -> Landed:
        """Look for the job of a request whose answer was lost, and give it to the attempt when it is found.

        Not finding it proves nothing: the attempt stays unknown. Only one that is free is given up, to be sent again.
        """
        kit, seen, waited = self._kit, "", 0.0
        age_s = (kit.now() - record.attempt.created_at).total_seconds()
        is_free = all(entry.cost.is_free for entry in record.entries)
        for at_s in RECOVER_AFTER_S[:2] if is_free else RECOVER_AFTER_S:
            if not is_fresh and at_s and age_s > RECOVER_AFTER_S[-1]:
                break
            await kit.halt.sleep(kit.bench.clock, at_s - waited)
            waited = at_s
            if kit.halt.is_interrupted and at_s:
                break
            try:
                found = await kit.remote.recover(record.attempt)
            except ApiError as error:
                seen = f"could not look: {error.message}"
                continue
            seen = found.seen
            if found.job_id:
                account, job = found.account, found.job_id
                record = await kit.scribe.do(lambda journal: journal.found(record.id, job, account, kit.now()))  # noqa: B023
                kit.note("the answer was lost, its job is found again", steps_of(record)[0])
                return Landed(record)
        if is_free and not kit.halt.is_interrupted:
            reason, now = "its answer was lost and its job was not found; it is free and may be sent again", kit.now()
            places = [entry.position for entry in record.entries if entry.state is State.UNKNOWN]
            record = await kit.scribe.do(lambda j: j.ended(record.id, Event.WORTHLESS, reason, Charge.NO, now, places))
        return Landed(record, seen)

    async def again(self, made: ActionRecord, paid: tuple[Record, Entry] | None) -> ActionRecord | None:
        """Fetch a take once more whose bytes are missing here; None when they cannot be had now.

        `paid` is the attempt that made it, where the journal has it; else the receipt in the record must do. Raises
        `StoreCorrupt` when other bytes come than were recorded: both are kept.
        """
        kit = self._kit
        if made.receipt is None:
            return None
        # A link that died is renewed by whoever fetches; the one from the journal may still live.
        known = paid[1] if paid is not None else None
        url, expires_at = (known.url, known.expires_at) if known and known.url else ("", kit.now())
        result = Result(made.receipt, url=url, expires_at=expires_at)
        target = kit.bench.store.scratch / scratch_name(".fetch")
        try:
            async with kit.downloads.place():
                await kit.remote.fetch(result, target)
            label = Label(made.key, made.document, made.node, made.take, made.seed, made.cost, made.board, made.receipt)
            return await kit.bench.blocking(file_away, kit.bench.store, kit.bench.media, target, label)
        except (ApiError, MediaError):
            return None
        finally:
            with suppress(OSError):
                target.unlink(missing_ok=True)

    async def _look(self, record: Record) -> tuple[Result, ...] | None:
        try:
            return await self._kit.remote.poll(record.attempt.job_id)
        except ApiError:
            return None

    # -- the job

    async def _watch(self, record: Record, accepted_at: float | None) -> tuple[tuple[Result, ...], Landed]:
        """Look at a job until it ends; no results mean that it did not, or that its end is written down."""
        kit, model, clock = self._kit, record.attempt.model, self._kit.bench.clock
        began = clock.monotonic()
        since = began - max(0.0, (kit.now() - record.attempt.created_at).total_seconds())
        since = since if accepted_at is None else accepted_at
        watch = kit.looks.watch(model, kit.settings.usual_s(model))
        try:
            return await self._looks(record, watch, since, began, is_fresh=accepted_at is not None)
        finally:
            watch.leave()

    async def _looks(
        self, record: Record, watch: Watch, since: float, began: float, *, is_fresh: bool
    ) -> tuple[tuple[Result, ...], Landed]:
        kit, clock, deadline_s = self._kit, self._kit.bench.clock, self._kit.settings.deadline_s(record.attempt.model)
        hard, failed, ran_s = 0, 0, 0.0
        wait_s = watch.wait_s(began - since) if is_fresh else 0.0
        kit.progress(steps_of(record), Phase.RUNNING, began - since, watch.expected_s)
        while True:
            await self._until_due(watch, wait_s, since)
            if kit.halt.is_interrupted:
                return (), Landed(record, "its job goes on")
            age_s, asked_s = clock.monotonic() - since, 0.0
            try:
                found = await kit.remote.poll(record.attempt.job_id, record.attempt.created_at)
            except ApiError as error:
                verdict = on_job(error)
                if verdict.event is not Event.RUNNING:
                    return (), await self._end(record, verdict.event, verdict.charge, error)
                if error.scope is Scope.RUN:
                    kit.halt.dead(error)
                hard += error.retry_after_s is None
                if hard >= HARD_TRIES:
                    return (), Landed(record, f"its job cannot be looked at: {error.message}", error.hint)
                failed += 1
                found, asked_s = None, kit.settings.limits.look_again_s(failed, error)
            else:
                failed = 0
            if found is not None:
                if is_fresh:
                    watch.ended(ran_s, age_s)
                return found, Landed(record)
            ran_s = age_s
            kit.progress(steps_of(record), Phase.RUNNING, age_s, watch.expected_s)
            left_s = deadline_s - (clock.monotonic() - began)
            if left_s <= 0:
                text = f"its job still runs after {_span(deadline_s - left_s)}"
                return (), Landed(record, text, "Run it again later.")
            wait_s = min(max(asked_s, watch.wait_s(age_s)), left_s)

    async def _until_due(self, watch: Watch, wait_s: float, since: float) -> None:
        """Wait for the next look; who hears on the way that jobs end sooner looks sooner."""
        kit, clock = self._kit, self._kit.bench.clock
        due = clock.monotonic() + wait_s
        while (left_s := due - clock.monotonic()) > 0 and not kit.halt.is_interrupted:
            await kit.halt.sleep(clock, left_s, bell=watch.news)
            age_s, expected_s = clock.monotonic() - since, watch.expected_s
            if clock.monotonic() < due and expected_s is not None:
                due = min(due, clock.monotonic() + (watch.wait_s(age_s) if age_s < expected_s else 0.0))

    async def _end(self, record: Record, event: Event, charge: Charge, error: ApiError) -> Landed:
        """Write down that a job ended without a result."""
        now = self._kit.now()
        ended = [entry for entry in record.entries if entry.state is State.SUBMITTED]
        places = [entry.position for entry in ended]
        record = await self._kit.scribe.do(lambda j: j.ended(record.id, event, said(error), charge, now, places))
        if charge is Charge.NO:
            self._tell_released(record, ended)
        return Landed(record, error.message, error.hint)

    def _tell_released(self, record: Record, entries: list[Entry]) -> None:
        steps = tuple((record.attempt.node, entry.take) for entry in entries)
        self._kit.tell(Settled(record.id, steps, FREE, sum((entry.cost for entry in entries), FREE)))

    # -- the files

    async def _bring(self, record: Record, entry: Entry, result: Result | None) -> Landed | None:
        """Fetch and file one generated take; returns what is in the way, or None."""
        kit, step = self._kit, (record.attempt.node, entry.take)
        there = await kit.bench.blocking(look, kit.bench.store, entry.sent_key)
        if there is None and kit.halt.is_interrupted:
            return Landed(record, "generated, not downloaded yet", "Run the same command again.")
        try:
            if there is None:
                kit.progress((step,), Phase.DOWNLOAD)
                there = await self._fetch(record, entry, result or await self._linked(record, entry))
            if entry.is_second_try:
                await kit.bench.blocking(self._file_answer, entry, there)
        except ApiError as error:
            verdict = on_job(error)
            if verdict.event in (Event.FAILED, Event.GONE, Event.CONTENT_REFUSED):
                places, now, why = (entry.position,), kit.now(), said(error)
                await kit.scribe.do(lambda j: j.ended(record.id, Event.GONE, why, Charge.YES, now, places))
            elif error.scope is Scope.RUN:
                kit.halt.dead(error)
            return Landed(record, f"generated, not downloaded yet: {error.message}", error.hint)
        except MediaError as error:
            text = f"generated, but what was downloaded is no whole file: {error.message}"
            return Landed(record, text, "Run the same command again: it is downloaded again, which is free.")
        except StoreError as error:
            kit.halt.fault(error)
            return Landed(record, f"generated, not stored yet: {error.message}", error.hint)
        digest, now = there.digest, kit.now()
        await kit.scribe.do(lambda journal: journal.stored(record.id, entry.position, digest, now))
        kit.tell(Settled(record.id, (step,), entry.cost, FREE))
        return None

    async def _fetch(self, record: Record, entry: Entry, result: Result) -> ActionRecord:
        """Download and file a take, with repeats. Raises `ApiError`, `MediaError` or `StoreError`."""
        kit, tries = self._kit, 0
        await asyncio.sleep(0)  # whoever the free place goes to begins
        if kit.departures.any():
            await kit.halt.sleep(kit.bench.clock, AFTER_YOU_S, bell=kit.departures.all_gone)
        async with kit.downloads.place():
            while True:
                tries += 1
                target = kit.bench.store.scratch / scratch_name(".fetch")
                try:
                    return await self._once(record, entry, result, target)
                except (ApiError, MediaError) as error:
                    asked_s = error.retry_after_s if isinstance(error, ApiError) else None
                    is_final = isinstance(error, ApiError) and (
                        on_job(error).event is not Event.RUNNING or asked_s is None
                    )
                    if is_final or tries >= kit.settings.limits.fetch_tries or kit.halt.is_interrupted:
                        raise
                    wait_s = kit.settings.limits.backoff_s(tries, asked_s, kit.rnd)
                    kit.tell(Waiting(((record.attempt.node, entry.take),), error.message, wait_s))
                    await kit.halt.sleep(kit.bench.clock, wait_s)
                finally:
                    with suppress(OSError):
                        target.unlink(missing_ok=True)

    async def _once(self, record: Record, entry: Entry, result: Result, target: Path) -> ActionRecord:
        kit = self._kit
        await kit.remote.fetch(result, target)
        receipt = result.receipt
        label = Label(
            key=entry.sent_key,
            document=entry.sent_document,
            node=record.attempt.node,
            take=entry.take,
            seed=entry.seed if receipt.seed is None else receipt.seed,
            cost=entry.cost,
            board=record.board,
            receipt=receipt,
        )
        return await kit.bench.blocking(file_away, kit.bench.store, kit.bench.media, target, label)

    async def _linked(self, record: Record, entry: Entry) -> Result:
        """Return what is known of a generated take; what came inside an answer is asked for again."""
        if not entry.url and record.attempt.job_id:
            found = await self._look(record)
            result = match(record.entries, _completed(record, found)).get(entry.position) if found else None
            if result is not None and is_usable(result):
                return result
        receipt = entry.receipt or Receipt(record.provider)
        return _completed(record, (Result(receipt, url=entry.url, expires_at=entry.expires_at),))[0]

    def _file_answer(self, entry: Entry, made: ActionRecord) -> None:
        """File a second try with another seed under the key that the plan asked for, with the seed that was used."""
        self._kit.bench.store.actions.put(replace(made, key=entry.key, document=entry.document))


def _completed(record: Record, found: tuple[Result, ...]) -> tuple[Result, ...]:
    """Return results whose receipts name account and job, which a reply may leave out."""
    attempt = record.attempt
    return tuple(
        replace(
            result,
            receipt=replace(
                result.receipt,
                account=result.receipt.account or attempt.account,
                job_id=result.receipt.job_id or attempt.job_id,
            ),
        )
        for result in found
    )


def said(error: ApiError) -> str:
    """Return what the journal keeps of an error."""
    return f"{error.message} ({error.reason})" if error.reason else error.message


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
