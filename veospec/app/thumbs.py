"""Small pictures of takes, kept in the index: contact sheet and review page show them. Losing one costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from veospec.media import frames
from veospec.model import Digest, MediaFacts
from veospec.review.sheet import frame_numbers
from veospec.store.durable import scratch_name
from veospec.store.faults import translated
from veospec.store.layout import Store

POSTER_PX = 480


def thumb_path(store: Store, digest: Digest, frame: str) -> Path:
    """Return where the small picture of a frame is kept."""
    return store.root / "index" / "thumbs" / f"{digest[:32]}-{frame}-{POSTER_PX}.jpg"


def make_thumbs(store: Store, digest: Digest, facts: MediaFacts, blob: Path, wanted: Iterable[str]) -> None:
    """Make the small pictures that are not there yet, opening the film once. Raises `MediaError`, `StoreError`."""
    missing = tuple(frame for frame in dict.fromkeys(wanted) if not thumb_path(store, digest, frame).exists())
    if not missing:
        return
    pictures = frames.thumbnails(blob, facts, POSTER_PX, missing)
    with translated("write in", thumb_path(store, digest, "").parent):
        thumb_path(store, digest, "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for frame, picture in zip(missing, pictures, strict=True):
            fresh = store.scratch / scratch_name(".jpg")
            frames.write_jpeg(picture, fresh)
            fresh.replace(thumb_path(store, digest, frame))


def shown_frames(facts: MediaFacts, sheet_frames: Sequence[str], *, with_middle: bool = True) -> tuple[str, ...]:
    """Return the frames of a take that the sheet shows, and with the middle one that of the review page."""
    middle = (facts.frames // 2,) if with_middle else ()
    return tuple(map(str, dict.fromkeys((*frame_numbers(facts, sheet_frames), *middle))))
