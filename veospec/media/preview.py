"""A small moving picture of a cut, for places that play no video: WebP or GIF, a few frames of every shot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageOps

from veospec.errors import MediaError
from veospec.media import colour
from veospec.media.frames import read_frames
from veospec.media.opened import film_of, opened
from veospec.media.probe import probe
from veospec.model import MediaFacts

PREVIEW_VERSION = 4
"""Raised when a preview would get other bytes."""

_MAX_FRAMES = 240
_FORMS = {".webp": "WEBP", ".gif": "GIF"}


class Shown(Struct, frozen=True):
    """`count` frames of a clip from `first` on; a count of 0 means all of it. `facts` spares reading them."""

    path: Path
    first: int = 0
    count: int = 0
    facts: MediaFacts | None = None


def write_preview(
    clips: Sequence[Shown], target: Path, *, width: int = 320, per_clip: int = 4, hold_ms: int = 280
) -> None:
    """Write `per_clip` frames of each clip, in order, as an endless loop; the suffix picks the format.

    Key frames are taken where there are enough of them, because they cost next to nothing to decode. A clip that
    cannot be read is left out. Raises `MediaError` when none can.
    """
    if target.suffix not in _FORMS:
        raise MediaError(f"'{target.suffix}' is no preview format", "use .webp or .gif")
    each = max(1, min(per_clip, _MAX_FRAMES // max(1, len(clips))))
    pictures: list[Image.Image] = []
    trouble: MediaError | None = None
    for clip in clips[:_MAX_FRAMES]:
        try:
            pictures.extend(_pictures(clip, each, width))
        except MediaError as broken:
            trouble = broken
    if not pictures:
        raise trouble or MediaError("there is no clip to preview", "make one first")
    room = pictures[0].size
    same = [p if p.size == room else ImageOps.pad(p, room, Image.Resampling.BILINEAR) for p in pictures]
    if target.suffix == ".gif":
        flat = [p.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for p in same]
        flat[0].save(target, "GIF", save_all=True, append_images=flat[1:], duration=hold_ms, loop=0, optimize=False)
    else:
        more = same[1:]
        same[0].save(target, "WEBP", save_all=True, append_images=more, duration=hold_ms, loop=0, quality=62, method=2)


def _pictures(clip: Shown, each: int, width: int) -> list[Image.Image]:
    facts = clip.facts or probe(clip.path)
    size = width, max(2, round(width * facts.height / facts.width))
    first = min(clip.first, facts.frames - 1)
    end = min(facts.frames, first + clip.count) if clip.count else facts.frames
    found = _key_frames(clip.path, first, end, size)
    if len(found) < max(2, each - 1):
        wanted = dict.fromkeys(first + (end - first) * (2 * n + 1) // (2 * each) for n in range(each))
        found = list(read_frames(clip.path, tuple(map(str, wanted)), facts, size))
    return [found[len(found) * n // each] for n in range(each)] if len(found) >= each else found


def _key_frames(path: Path, first: int, end: int, size: tuple[int, int]) -> list[Image.Image]:
    """Return the key frames between two places, found by their order in the file."""
    with opened(path) as source:
        film = film_of(source, path)
        entries = [entry for entry in film.index_entries if not entry.is_discard]
        places = {entry.timestamp for n, entry in enumerate(entries) if entry.is_keyframe and first <= n < end}
        film.codec_context.skip_frame = "NONKEY"
        film.codec_context.thread_count = 1
        return [
            colour.picture_of(frame, size)
            for frame in source.decode(film)
            if frame.dts in places or frame.pts in places
        ]
