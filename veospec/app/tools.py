"""The media room as the narrow tools that a run asks for; it is imported when the first of them is used."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from msgspec import Struct

from veospec.model import MediaFacts, Storyboard
from veospec.providers.local.profile import LocalProfile


class Media(Struct, frozen=True):
    """Probe, frames and joins; `fps` is the rate on which overlaps are counted."""

    fps: int

    def probe(self, path: Path) -> MediaFacts:
        """Read what a finished file is. Raises `MediaError`."""
        from veospec.media.probe import probe

        return probe(path)

    def frame(self, clip: Path, frame: str, target: Path) -> None:
        """Write one frame as PNG."""
        from veospec.media import frames

        frames.extract(clip, frame, self.probe(clip), target)

    def join(self, source: Path, segment: Path, overlap: Fraction, target: Path) -> None:
        """Write source and segment as one clip without the segment's first `overlap` seconds."""
        from veospec.media import join

        rate = self.probe(segment).fps or Fraction(self.fps)
        join.join_extension(source, segment, int(overlap * rate), target)


def ink_notices(storyboard: Storyboard) -> Iterator[str]:
    """Yield what a person should know of letters that no font here can draw; each sentence once."""
    from veospec.providers.local.renderer import LocalRenderer

    renderer = LocalRenderer(LocalProfile())
    seen: set[str] = set()
    for node in storyboard.nodes:
        for notice in renderer.notices(node):
            text = notice.partition(": ")[2]
            if text not in seen:
                seen.add(text)
                yield notice
