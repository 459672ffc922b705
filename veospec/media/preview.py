"""A small moving picture of a film, for places that play no video: WebP or GIF, a few frames of every shot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from veospec.errors import MediaError
from veospec.media.frames import thumbnails
from veospec.media.probe import probe

_MAX_FRAMES = 240


def write_preview(
    clips: Sequence[Path], target: Path, *, width: int = 320, per_clip: int = 8, hold_ms: int = 160
) -> None:
    """Write `per_clip` evenly spaced frames of each clip, in order, as an endless loop; the suffix picks the format."""
    forms = {".webp": "WEBP", ".gif": "GIF"}
    if target.suffix not in forms:
        raise MediaError(f"'{target.suffix}' is no preview format", "use .webp or .gif")
    each = max(1, min(per_clip, _MAX_FRAMES // max(1, len(clips))))
    pictures: list[Image.Image] = []
    for clip in clips:
        facts = probe(clip)
        steps = tuple(str(facts.frames * (2 * n + 1) // (2 * each)) for n in range(each))
        pictures.extend(thumbnails(clip, facts, width, steps if facts.fps is not None else ("first",)))
    if not pictures:
        raise MediaError("there is no clip to preview", "make one first")
    room = pictures[0].size
    same = [p if p.size == room else p.resize(room, Image.Resampling.BILINEAR) for p in pictures]
    if target.suffix == ".gif":
        same = [p.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for p in same]
        same[0].save(target, "GIF", save_all=True, append_images=same[1:], duration=hold_ms, loop=0, optimize=False)
    else:
        same[0].save(
            target, "WEBP", save_all=True, append_images=same[1:], duration=hold_ms, loop=0, quality=62, method=3
        )
