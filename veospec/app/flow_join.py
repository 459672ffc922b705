"""`reel.join: flow`: the service joins the clips it made itself, for nothing. What it cannot do is joined here.

Source: useapi.net Google Flow API v1 reference, POST /videos/concatenate, June 2026: 2 to 10 clips of one account and
ratio, up to 8 seconds off each end, plain cuts only, the file inside the answer.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from veospec.app.account import Account
from veospec.app.desk import Desk
from veospec.app.remoting import flow_provider
from veospec.errors import MediaError, VeospecError
from veospec.media.probe import probe
from veospec.model import Digest
from veospec.providers.flow import ids
from veospec.providers.flow.wire import Segment
from veospec.review.values import CutList, Event
from veospec.store.durable import scratch_name

FEWEST, MOST = 2, 10
_MOST_TRIMMED_S = 8


class FlowJoin(Struct, frozen=True):
    """A cut that the service can join: its clips by their bytes and by the service's own names, and its length."""

    segments: tuple[Segment, ...]
    digests: tuple[Digest, ...]
    frames: int
    fps: int

    @property
    def key(self) -> str:
        """What decides the film, without the names that only one account knows."""
        trims = [f"{s.trim_start} {s.trim_end}" for s in self.segments]
        return sha256("\n".join(["flow join 1", *self.digests, *trims]).encode()).hexdigest()

    def film(self, desk: Desk, cache: Path) -> Path | None:
        """Return the film that the service joined; None, with a note, when it has to be joined here."""
        kept = cache / f"flow-{self.key}.mp4"
        try:
            if not kept.exists():
                self._fetch(desk, kept)
            self._check(kept)
        except VeospecError as error:
            kept.unlink(missing_ok=True)
            desk.note(f"Flow did not join the reel, so it was joined here: {error.message}", error.hint)
            return None
        return kept

    def _fetch(self, desk: Desk, kept: Path) -> None:
        async def ask() -> bytes:
            async with flow_provider(desk.environment, desk.account.project.catalogue) as (provider, _):
                return await provider.concatenate(self.segments)

        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = desk.store.scratch / scratch_name(".mp4")
        fresh.write_bytes(asyncio.run(ask()))
        fresh.replace(kept)

    def _check(self, film: Path) -> None:
        """Hold the service's film to the cut, to the frame."""
        facts = probe(film)
        length = facts.duration or Fraction(0)
        if abs(length - Fraction(self.frames, self.fps)) >= Fraction(1, 2 * self.fps):
            raise MediaError(f"its film lasts {float(length):.3f} s, the cut {self.frames / self.fps:.3f} s")


def flow_joins(desk: Desk) -> dict[str, FlowJoin]:
    """Return the cuts that the service joins, by slug; a note says why another one is joined here."""
    board = desk.account.project.storyboard
    if board.reel.join != "flow":
        return {}
    found: dict[str, FlowJoin] = {}
    for cut in desk.account.cuts:
        join = _join_of(desk.account, cut)
        if isinstance(join, FlowJoin):
            found[cut.slug] = join
        elif desk.account.project.profile.is_remote:
            desk.note(f"the reel {cut.slug} is joined here, not by Flow: {join}")
    return found


def _join_of(account: Account, cut: CutList) -> FlowJoin | str:
    """Return what to ask for, or the reason why Flow cannot join a cut."""
    if not FEWEST <= len(cut.events) <= MOST:
        return f"it takes {FEWEST} to {MOST} clips, the cut has {len(cut.events)}"
    segments: list[Segment] = []
    owners: set[str] = set()
    for event in cut.events:
        reason, owner, segment = _segment(account, event, cut.fps)
        if segment is None:
            return reason
        owners.add(owner.casefold())
        segments.append(segment)
    if len(owners) > 1:
        return "the clips lie in several accounts"
    return FlowJoin(tuple(segments), tuple(e.digest for e in cut.events), cut.frames, cut.fps)


def _segment(account: Account, event: Event, fps: int) -> tuple[str, str, Segment | None]:
    if not event.file:
        return f"{event.shot} is not made yet", "", None
    if event.leaving is not None:
        return f"{event.shot} leaves by a {event.leaving.kind.value}, and Flow makes plain cuts only", "", None
    receipt = account.record(account.key_of(event.digest)).receipt
    if receipt is None or receipt.provider != "flow" or not ids.is_media_id(receipt.media_id):
        return f"{event.shot} was not made by Flow", "", None
    head, tail = Fraction(event.source_in, fps), Fraction(event.media_frames - event.source_out, fps)
    if max(head, tail) > _MOST_TRIMMED_S:
        return f"{event.shot} is trimmed by more than {_MOST_TRIMMED_S} s", "", None
    owner = ids.owner_of(receipt.media_id) or receipt.account
    return "", owner, Segment(receipt.media_id, head, tail)
