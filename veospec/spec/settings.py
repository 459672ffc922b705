"""The sections that describe the film and the run as a whole, read into their values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from veospec.model import Budget, Deliver, Kind, Policy, Project, Reel, Storyboard
from veospec.spec.board import Board, entries, text_of
from veospec.spec.include import Document
from veospec.spec.language import PROVIDERS
from veospec.spec.names import did_you_mean
from veospec.spec.problems import Problems
from veospec.spec.tree import Json, Map, as_whole
from veospec.spec.units import UnitError, seconds
from veospec.spec.variables import Scope

DEFAULT_FPS = 24
DEFAULT_SEED = 1
JOINERS = ("local", "flow")
FEWEST_JOINED = 2
MOST_JOINED = 10


def whole(node: Json, key: str, default: int) -> int:
    """Return a whole number, or the default when there is none of that shape."""
    found = as_whole(node.get(key)) if isinstance(node, Map) else None
    return default if found is None else found


def flag(node: Json, key: str, *, default: bool) -> bool:
    """Return true or false, or the default when there is none of that shape."""
    found = node.get(key) if isinstance(node, Map) else None
    return found if isinstance(found, bool) else default


def project_of(document: Document, scope: Scope, problems: Problems) -> Project:
    """Read `project`."""
    node = document.section("project")
    asked = whole(node, "fps", DEFAULT_FPS)
    fps = asked if asked > 0 else DEFAULT_FPS  # the schema has reported the other ones
    slate = node.get("slate") if node is not None else None
    leader = Fraction(0)
    if isinstance(slate, Map) and "leader" in slate:
        written = scope.filled(slate, "leader")
        try:
            leader = seconds(written, fps)
        except UnitError as fault:
            problems.error("VS292", slate.at("leader"), f"leader: '{written}' {fault}", "write 2s")
    return Project(
        code=text_of(node, "code"),
        title=scope.text(text_of(node, "title"), node, "title") if node is not None else "",
        fps=fps,
        handles=whole(node, "handles", 0),
        leader=leader,
        beep=flag(slate, "beep", default=False),
    )


def budget_of(document: Document, problems: Problems) -> Budget:
    """Read `budget`; dollars become whole micro-dollars."""
    node = document.section("budget")
    if node is None:
        return Budget()
    credit_limit, ask = as_whole(node.get("max_credits")), as_whole(node.get("confirm_above"))
    usd = node.get("max_usd")
    micro = None
    if isinstance(usd, int | float) and not isinstance(usd, bool):
        exact = Decimal(repr(usd)) * 1_000_000
        micro = int(exact)
        if exact != micro:
            problems.error("VS298", node.at("max_usd"), f"max_usd: {usd} has more than six decimals", "round it")
    for key in ("max_credits", "max_usd", "confirm_above"):
        value = node.get(key)
        if isinstance(value, int | float) and value < 0:
            problems.error("VS298", node.at(key), f"{key}: {value} is less than nothing", "write 0 or more")
    if credit_limit is not None and ask is not None and ask > credit_limit >= 0:
        problems.warning(
            "VS299",
            node.at("confirm_above"),
            f"confirm_above: {ask} is more than max_credits: {credit_limit}, so nobody is ever asked",
            "lower it, or leave it out",
        )
    return Budget(credit_limit, micro, ask)


def policy_of(document: Document, problems: Problems) -> Policy:
    """Read `policy`. A refused request is never sent again as it was, so a retry needs to know what to change."""
    node = document.section("policy")
    reject = node.get("on_reject") if node is not None else None
    retries = whole(reject, "retries", 0)
    if isinstance(reject, Map) and retries > 0 and "change" not in reject:
        message, advice = f"retries: {retries} does nothing without 'change'", "add 'change: seed'"
        problems.warning("VS249", reject.at("retries"), message, advice)
    if isinstance(reject, Map) and retries == 0 and "change" in reject:
        message = "'change' does nothing without 'retries'"
        problems.warning("VS249", reject.at("change"), message, "add 'retries: 1', or remove it")
    return Policy(
        reject_retries=retries,
        reject_change=text_of(reject, "change") if retries else "",
        cascade=text_of(node, "stale_downstream") == "cascade",
    )


def reel_of(document: Document, board: Board, scope: Scope, problems: Problems) -> Reel:
    """Read `reel`; without an order the shots play as they are written."""
    node = document.section("reel")
    playing = [name for name, shot in board.shots.items() if not shot.is_omitted]
    join = _joiner(node, scope, problems)
    if node is None or "order" not in node:
        return Reel(join, tuple(playing), is_asked=node is not None)
    order = []
    for value, holder, key in entries(node, "order"):
        if not isinstance(value, str):
            continue
        place = holder.at(key)  # type: ignore[arg-type]
        if value in board.absent.shots:
            continue
        if value not in board.shots:
            advice = did_you_mean(value, board.shots, kind="shots")
            problems.error("VS297", place, f"the reel names '{value[:60]}', but there is no such shot", advice)
        elif board.shots[value].is_omitted:
            problems.error("VS297", place, f"the reel names {value}, which is omitted", "take it out of the order")
        elif value in order:
            problems.error("VS297", place, f"the reel names {value} twice", "keep one; a shot plays once in the cut")
        else:
            order.append(value)
    return Reel(join, tuple(order))


def _joiner(node: Map | None, scope: Scope, problems: Problems) -> str:
    """Return who joins; what a variable makes of it is known here only."""
    written = text_of(node, "join")
    if node is None or not written:
        return JOINERS[0]
    join = scope.text(written, node, "join")
    if join not in JOINERS:
        advice = did_you_mean(join, JOINERS)
        problems.error("VS297", node.at("join"), f"there is nobody '{join[:60]}' who joins", advice)
    return join


def check_join(document: Document, storyboard: Storyboard, problems: Problems) -> None:
    """Flow joins few clips, and only clips of one ratio.

    Source: useapi.net Google Flow API v1 reference, POST /videos/concatenate, June 2026: 2-10 clips of one ratio.
    """
    node = document.section("reel")
    if node is None or storyboard.reel.join != "flow":
        return
    playing = [n for n in storyboard.nodes if n.kind is Kind.CLIP and n.name in storyboard.reel.order]
    for cell in storyboard.cells:
        clips = [n for n in playing if n.cell == cell]
        where = f" in {cell.label}" if cell.axes else ""
        ratios = sorted({n.request.aspect for n in clips})
        if not FEWEST_JOINED <= len(clips) <= MOST_JOINED:
            message = f"Flow joins {FEWEST_JOINED} to {MOST_JOINED} clips, and the reel has {len(clips)}{where}"
            problems.error("VS297", node.at("join"), message, "write 'join: local'")
        elif len(ratios) > 1:
            message = f"Flow joins clips of one ratio, and the reel has {' and '.join(ratios)}{where}"
            problems.error("VS297", node.at("join"), message, "write 'join: local'")


def deliver_of(document: Document, scope: Scope) -> Deliver:
    """Read `deliver`; what is not said has the defaults of `Deliver`."""
    node = document.section("deliver")
    if node is None:
        return Deliver()
    plain = Deliver()
    animatic, sheet, provenance = (node.get(key) for key in ("animatic", "contact_sheet", "provenance"))

    def filled(owner: Json, key: str, default: str) -> str:
        return scope.text(text_of(owner, key), owner, key) if text_of(owner, key) else default

    return Deliver(
        animatic_size=text_of(animatic, "size") or plain.animatic_size,
        ken_burns=flag(animatic, "ken_burns", default=plain.ken_burns),
        timecode=flag(animatic, "timecode", default=plain.timecode),
        sheet_columns=whole(sheet, "columns", plain.sheet_columns),
        sheet_frames=_texts(sheet, "frames") or plain.sheet_frames,
        review=text_of(node, "review") or plain.review,
        preview=text_of(node, "preview") or plain.preview,
        timeline=_texts(node, "timeline"),
        captions=_texts(node, "captions"),
        c2pa=filled(provenance, "c2pa", plain.c2pa),
        disclose=filled(provenance, "disclose", plain.disclose),
    )


def _texts(node: Json, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value, _, _ in entries(node, key) if isinstance(value, str)))


def provider_of(
    document: Document, scope: Scope, given: str, given_plan: str, plans: Sequence[str], problems: Problems
) -> tuple[str, str]:
    """Return the provider and the plan class; what the command line gives goes before the spec."""
    node = document.single.get("provider")
    name, plan = given, given_plan
    if isinstance(node, str):
        name = name or scope.text(node, document.single, "provider")
    elif isinstance(node, Map):
        name = name or scope.text(text_of(node, "name"), node, "name")
        plan = plan or scope.text(text_of(node, "plan"), node, "plan")
    name = name or "local"
    place = document.single.at("provider") if node is not None else document.main.locate(())
    if name not in PROVIDERS:
        advice = did_you_mean(name, PROVIDERS)
        problems.error("VS247", place, f"there is no provider '{name[:60]}'", advice)
    if plan and plan not in plans:
        problems.error("VS247", place, f"there is no plan class '{plan[:60]}'", did_you_mean(plan, plans))
        plan = ""
    return name, plan
