"""Small pictures of takes, made while the service works on others, so that a delivery finds them ready.

Losing one costs nothing: whoever needs it makes it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from veospec.errors import MediaError, StoreError
from veospec.media import frames
from veospec.model import Deliver, Digest, MediaFacts
from veospec.review.sheet import frame_numbers
from veospec.store.actions import ActionRecord
from veospec.store.durable import scratch_name
from veospec.store.layout import Store

POSTER_PX = 480


def thumb_path(store: Store, digest: Digest, frame: str) -> Path:
    """Return where the small picture of a frame is kept."""
    return store.root / "index" / "thumbs" / f"{digest[:32]}-{frame}-{POSTER_PX}.jpg"


def make_thumbs(store: Store, digest: Digest, facts: MediaFacts, blob: Path, wanted: Iterable[str]) -> None:
    """Make the small pictures that are not there yet, opening the film once. Raises `MediaError`."""
    missing = tuple(frame for frame in dict.fromkeys(wanted) if not thumb_path(store, digest, frame).exists())
    if not missing:
        return
    thumb_path(store, digest, "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for frame, picture in zip(missing, frames.thumbnails(blob, facts, POSTER_PX, missing), strict=True):
        fresh = store.scratch / scratch_name(".jpg")
        frames.write_jpeg(picture, fresh)
        fresh.replace(thumb_path(store, digest, frame))


def shown_frames(facts: MediaFacts, sheet_frames: Sequence[str]) -> tuple[str, ...]:
    """Return the frames of a take that sheet and review page show."""
    return tuple(map(str, dict.fromkeys((*frame_numbers(facts, sheet_frames), facts.frames // 2))))


class Ahead:
    """Makes the pictures of finished takes in a thread of its own; a fault is left to the delivery to find."""

    def __init__(self, store: Store, deliver: Deliver, pool: ThreadPoolExecutor) -> None:
        self._store = store
        self._deliver = deliver
        self._pool = pool

    def take(self, record: ActionRecord) -> None:
        """Note a finished take; returns at once."""
        self._pool.submit(self._make, record)

    def _make(self, record: ActionRecord) -> None:
        with suppress(MediaError, StoreError, OSError):
            blob = self._store.blobs.ensure(record.digest, record.suffix)
            wanted = shown_frames(record.facts, self._deliver.sheet_frames)
            make_thumbs(self._store, record.digest, record.facts, blob, wanted)


@contextmanager
def ahead(store: Store, deliver: Deliver) -> Iterator[Ahead]:
    """Yield the maker for as long as a run lasts; what it did not come to is dropped."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="veospec-ahead")
    try:
        yield Ahead(store, deliver, pool)
    finally:
        pool.shutdown(cancel_futures=True)
