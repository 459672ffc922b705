"""`apply`: read, plan, agree, run, deliver. Running it again after any interruption is the way to go on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from veospec.app.choices import Choices
from veospec.app.early import early_delivery
from veospec.app.flaws import check_bought
from veospec.app.inventory import StoredInventory
from veospec.app.outputs import check_outputs
from veospec.app.planning import choices_of_saved, hold_to, inventory_of, narrowed, plan_with, read_saved, use_up
from veospec.app.project import Project, open_project
from veospec.app.settings import Settings
from veospec.app.tools import Media, ink_notices
from veospec.app.witness import Asked, Sights, sights_of_apply
from veospec.errors import Exit, NotConfirmed
from veospec.model import FREE, Digest, InputFact, Key, Kind, NodeId
from veospec.plan.budget import ask, price_text
from veospec.plan.keys import document_of, key_of
from veospec.plan.saved import SavedPlan, cost_document, plan_document
from veospec.plan.values import Action, Document, Plan, Step, Why
from veospec.providers.local.profile import LocalProfile
from veospec.review.safe import terminal as term
from veospec.run.events import Ended, Listener, Note
from veospec.run.halt import Halt
from veospec.run.local import LocalMaker
from veospec.run.materials import Materials
from veospec.run.outcome import Outcome, Report
from veospec.run.ports import Bench, WallClock
from veospec.run.process import share_one_heap
from veospec.run.runner import Runner
from veospec.store.layout import Store
from veospec.store.lock import Holder
from veospec.store.project_files import ProjectFiles

if TYPE_CHECKING:
    from veospec.app.delivering import Delivered

SWITCH_S = 0.0005
"""How long a thread may hold the interpreter while another waits: to hand its encoder the next frame, or to send the
next job.

Eight moving slates on two cores: 10 to 13 s at Python's own 5 ms, 6.5 s at this, as fast as processes. Fifty jobs that
end together: half the time until their places are taken again (measured, November 2026, Python 3.11).
"""


class Applied(Struct, frozen=True):
    """What an apply came to. `notices` were told on the way; `sights` decided that there was nothing to do, if so."""

    plan: Plan
    report: Report
    delivered: Delivered
    out: Path
    notices: tuple[str, ...] = ()
    sights: Sights | None = None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return self.report.exit

    def lines(self) -> Iterator[str]:
        """Yield the summary for a person."""
        counts = _counts(self.report.outcomes)
        if not self.plan.has_work and self.report.exit is Exit.DONE:
            here = counts.get("reused", 0)
            yield f"nothing to do: {here} {'take is' if here == 1 else 'takes are'} here and unchanged"
        else:
            yield ", ".join(f"{n} {state}" for state, n in counts.items()) + f"; {self._money()}"
        for outcome in self.report.outcomes:
            if outcome.step.stale:
                yield f"stale: {outcome.step.label} {outcome.reason}"
        for note in self.delivered.notes:
            yield f"note: {term(note, 400)}"
        for text, path in self.delivered.places(self.out):
            yield f"{text:<9} {path}"
        if self.exit in (Exit.PENDING, Exit.STOPPED, Exit.INTERRUPTED):
            yield "run the same command again to go on; `veospec status` shows what is in flight"

    def _money(self) -> str:
        """Tell apart what was spent and what only may have been."""
        held = sum((o.cost for o in self.report.outcomes if o.state is Ended.HELD), FREE)
        spent = sum((o.cost for o in self.report.outcomes if o.state is not Ended.HELD), FREE)
        text = f"spent {price_text(spent)}"
        return text if held.is_free else f"{text}; {price_text(held)} may have been spent and is held"

    def document(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "veospec_applied": 1,
            "exit": int(self.exit),
            "counts": _counts(self.report.outcomes),
            "spent": cost_document(self.report.spent),
            "stop": None
            if self.report.stop is None
            else {"reason": self.report.stop.reason, "hint": self.report.stop.hint},
            "outcomes": [
                {
                    "node": o.step.node.id,
                    "take": o.step.take,
                    "state": o.state.value,
                    "stale": o.step.stale,
                    "key": o.key,
                    "digest": o.digest or None,
                    "cost": cost_document(o.cost),
                    "reason": o.reason,
                    "hint": o.hint,
                }
                for o in self.report.outcomes
            ],
            "files": {text: str(path) for text, path in self.delivered.places(self.out)},
            "notes": list(self.delivered.notes),
            "plan": plan_document(self.plan),
        }


def _counts(outcomes: tuple[Outcome, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in outcomes:
        found[outcome.state.value] = found.get(outcome.state.value, 0) + 1
    return found


def apply_project(
    choices: Choices,
    environment: Mapping[str, str],
    settings: Settings,
    listener: Listener,
    *,
    agree: Callable[[str], bool] | None,
    show_plan: Callable[[Plan], None] | None = None,
) -> Applied:
    """Carry out the plan of a storyboard, or a saved plan.

    `agree` puts a question to a person and returns the answer; None when nobody can be asked. Raises `SpecInvalid`,
    `PlanRefused` before anything is sent, `StoreError`; everything later is an outcome.
    """
    plan_file = choices.spec
    saved = read_saved(plan_file)
    if saved is not None:
        choices = choices_of_saved(saved, choices)
    project = _opened(choices, environment)
    narrowed(project)  # a misspelt name is told before a store is made

    def waiting(holder: Holder) -> None:
        listener.tell(Note(f"waiting for {holder} to leave {project.store_root}"))

    with Store.open(project.store_root, write=True, doing="apply", waiting=waiting) as store:
        plan = plan_with(project, _inventory(project, store, settings))
        searched: frozenset[Key] = frozenset()
        while saved is None and (lost := _lost(plan) - searched):
            # Each key once: one that is unclear after that is for a person; meanwhile another run may send the next.
            asyncio.run(_search(project, store, plan, settings, listener, environment, lost))
            searched |= lost
            plan = plan_with(project, _inventory(project, store, settings))
        check_bought(project, store, plan)
        if show_plan is not None and plan.has_work:
            show_plan(plan)
        _consent(plan, settings, saved, agree)
        check_outputs(project, store, plan)
        if saved is not None:
            use_up(saved, store, plan_file)
        undrawn = () if project.profile.is_remote else tuple(ink_notices(project.storyboard))
        notices = (*_noted(project), *undrawn)
        for notice in notices:
            listener.tell(Note(notice))
        report = asyncio.run(_run(project, store, plan, settings, listener, environment))
        from veospec.app.delivering import deliver

        look = partial(_inventory, project, store, settings)
        delivered = deliver(project, store, look, report, join_reel=settings.join_reel, environment=environment)
        sights = None
        is_plain = saved is None and not choices.only and not settings.regenerate
        is_plain = is_plain and not undrawn and not delivered.notes
        if is_plain and delivered.inventory is not None and isinstance(environment, Asked):
            sights = sights_of_apply(project, delivered.inventory, plan, environment, delivered.files)
        return Applied(plan, report, delivered, project.out, notices, sights)


def _inventory(project: Project, store: Store, settings: Settings) -> StoredInventory:
    return inventory_of(project, store, regenerate=settings.regenerate, retry_failed=settings.retry_failed)


def _lost(plan: Plan) -> frozenset[Key]:
    """Return the keys that wait for a request whose answer was lost: what is found of it changes the plan."""
    held = (step for step in plan.steps if step.action is Action.HOLD and step.reason.why is Why.UNKNOWN_FATE)
    return frozenset(step.key for step in held if step.key is not None)


def _noted(project: Project) -> tuple[str, ...]:
    """Return what the checks noted in passing."""
    return tuple(f"{note.location}: {note.message}" for note in project.notes)


def _opened(choices: Choices, environment: Mapping[str, str]) -> Project:
    """Open the project; when nobody said which Google AI plan pays, the account is asked before anything is priced."""
    project = open_project(choices, environment)
    board = project.storyboard
    if not project.profile.is_remote or board.plan_class:
        return project
    with Store.open(project.store_root, write=False) as store:
        if not _needs_service(plan_with(project, inventory_of(project, store))):
            return project
    from veospec.app.remoting import reported_plan_class

    reported = asyncio.run(reported_plan_class(environment, project.catalogue))
    return open_project(replace(choices, plan_class=reported), environment) if reported else project


def _consent(plan: Plan, settings: Settings, saved: SavedPlan | None, agree: Callable[[str], bool] | None) -> None:
    if saved is not None:
        hold_to(saved, plan)
    question = ask(plan, is_terminal=agree is not None, accept_unknown_price=settings.accept_unknown_price)
    if question is not None and saved is None and (agree is None or not agree(question.text)):
        raise NotConfirmed("nothing was bought: the sum was not agreed to", "run again and agree, or say --yes")


async def _run(
    project: Project,
    store: Store,
    plan: Plan,
    settings: Settings,
    listener: Listener,
    environment: Mapping[str, str],
) -> Report:
    workers = settings.jobs or os.cpu_count() or 1
    sys.setswitchinterval(SWITCH_S)
    if project.profile.is_remote:
        share_one_heap()
    with workplace(project, store, workers + 4) as bench:
        halt = Halt(listener)
        with _signals(halt.interrupt):
            if project.profile.is_remote and _needs_service(plan):
                return await _run_remote(project, store, plan, settings, bench, halt, listener, environment)
            from veospec.providers.local.renderer import LocalRenderer

            renderer = LocalRenderer(project.profile) if isinstance(project.profile, LocalProfile) else None
            local = LocalMaker(renderer, bench, Materials(bench), halt, listener, workers=workers)
            return await Runner(plan, bench, local, halt, listener).run()


async def _run_remote(
    project: Project,
    store: Store,
    plan: Plan,
    settings: Settings,
    bench: Bench,
    halt: Halt,
    listener: Listener,
    environment: Mapping[str, str],
) -> Report:
    from veospec.app.remoting import named_accounts, run_remote

    at_once = settings.jobs_per_account * named_accounts(environment)
    with early_delivery(project, store, plan, environment, at_once=at_once) as early:
        watched = replace(bench, has_made=early.take)
        return await run_remote(project, store, plan, settings, watched, halt, listener, environment)


async def _search(
    project: Project,
    store: Store,
    plan: Plan,
    settings: Settings,
    listener: Listener,
    environment: Mapping[str, str],
    wanted: frozenset[Key],
) -> None:
    """Look for lost requests before anything is planned. Raises `KeyboardInterrupt` when a person ends it."""
    from veospec.app.remoting import search_remote

    with workplace(project, store, 1) as bench:
        halt = Halt(listener)
        with _signals(halt.interrupt):
            await search_remote(project, store, plan, settings, bench, halt, listener, environment, wanted)
    if halt.is_interrupted:
        raise KeyboardInterrupt


def _needs_service(plan: Plan) -> bool:
    """Tell whether anything but a local join has to be done; a plan with nothing to do asks nobody anything."""
    return any(step.action is not Action.REUSE and step.node.kind is not Kind.JOIN for step in plan.steps)


@contextmanager
def workplace(project: Project, store: Store, workers: int) -> Iterator[Bench]:
    """Yield the workplace of a run; every thread has ended at the end."""
    files = ProjectFiles(project.root, memo=store.input_memo)
    with (
        ThreadPoolExecutor(max_workers=workers, thread_name_prefix="veospec") as pool,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="veospec-quick") as quick,
    ):
        yield Bench(
            store=store,
            board=project.board,
            media=Media(project.storyboard.project.fps),
            take_file=partial(_take_file, files, project.facts, store),
            resolve_key=partial(_resolve, project),
            clock=WallClock(),
            executor=pool,
            quick=quick,
        )


def _take_file(
    files: ProjectFiles, facts: Mapping[str, InputFact], store: Store, path: str, digest: Digest
) -> tuple[Path, str]:
    """Return a private copy of exactly the bytes that were hashed, and their type. Raises `PlanStale`."""
    fact = replace(facts[path], digest=digest)
    return files.snapshot(fact, store.inputs), fact.type


def _resolve(project: Project, step: Step, upstream: Mapping[NodeId, Digest]) -> tuple[Key, Document]:
    document = document_of(step.node, step.take, project.digests, upstream, project.profile)
    return key_of(document), document


@contextmanager
def _signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """First Ctrl-C or SIGTERM: begin nothing new. Second: leave at once, which the journal makes equally safe."""
    loop = asyncio.get_running_loop()
    seen = 0

    def heard() -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            os._exit(Exit.INTERRUPTED)
        interrupt()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
