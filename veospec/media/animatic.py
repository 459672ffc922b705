"""Draws whole animatic clips: a painted stage, a moving panel, dialogue in its seconds, a running clock, sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from PIL import Image

from veospec.media import colour, frames, sound
from veospec.media.clock import Clock
from veospec.media.encode import ClipWriter, samples_of
from veospec.media.layout import Box, Layout, even, layout_for
from veospec.media.moves import WHOLE, View
from veospec.media.palette import MARGIN, Palette, palette_for
from veospec.media.probe import probe
from veospec.media.slate import Card, draw_band, draw_margins, draw_strip, draw_words_panel
from veospec.media.stage import Patch, Planes, Stage, blended, fitted, planes_of, planes_of_picture, viewed
from veospec.media.ticks import Film, ticks
from veospec.model import Caption

Picture: TypeAlias = Image.Image
"""What a still is to those who must not know the library."""

PanelSource: TypeAlias = Callable[[int], Planes | None]
"""The panel's picture at a frame; None leaves what stands there."""

_RESERVE = 1.1
"""Pictures that move are kept a little larger than the panel, so that a close view is still sharp."""

_FINEST_PX = 0.8


class Moved(Struct, frozen=True):
    """A picture and the way a camera takes over it."""

    picture: Image.Image
    start: View = WHOLE
    end: View = WHOLE


def write_words(card: Card, size: tuple[int, int], target: Path) -> None:
    """Draw a slate that says what a shot will be."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=False)
    canvas.paste(draw_words_panel(card, layout, palette), (layout.panel.left, layout.panel.top))
    _still(card, layout, palette, Stage(canvas), target)


def write_board(
    card: Card, size: tuple[int, int], draw: Callable[[Box, Palette, float], Image.Image], target: Path
) -> None:
    """Draw a slate whose panel is one still picture made by `draw` for the panel's place."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=True)
    canvas.paste(draw(layout.panel, palette, layout.unit), (layout.panel.left, layout.panel.top))
    _still(card, layout, palette, Stage(canvas), target)


def write_move(card: Card, size: tuple[int, int], shown: Moved, target: Path) -> None:
    """Draw a camera move over one picture; a view that does not change costs no more than a still slate."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=True)
    if shown.start == shown.end:
        stage = Stage(canvas)
        stage.lay_planes(_held(shown, layout), layout.panel.left, layout.panel.top)
        _still(card, layout, palette, stage, target)
    else:
        _film(card, layout, palette, canvas, _moving(shown, layout, card.frames), target)


def write_dissolve(card: Card, size: tuple[int, int], first: Moved, last: Moved, target: Path) -> None:
    """Draw a slow dissolve from the first picture to the last; the first and last fifth show one of them alone."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=True)
    opening, closing = _moving(first, layout, card.frames), _moving(last, layout, card.frames)

    def panel(frame: int) -> Planes | None:
        part = _eased((frame / max(1, card.frames - 1) - 0.2) / 0.6)
        if part <= 0:
            return opening(frame)
        if part >= 1:
            return closing(frame)
        left, right = opening(frame), closing(frame)
        assert left is not None
        assert right is not None
        return blended(left, right, part)

    _film(card, layout, palette, canvas, panel, target)


def write_plate(card: Card, size: tuple[int, int], plate: Path, first: int, rate: int, target: Path) -> None:
    """Show a part of a clip, from its frame `first` at `rate` frames a second, with a band; its sound is kept."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=True)
    start = Fraction(first, rate)
    pictures = clip_panel(plate, layout, round(start * card.fps), card.fps, count=card.frames)
    ribbon = _band_patch(card, layout, palette)

    def panel(frame: int) -> Planes | None:
        shown = next(pictures, None)
        return _banded(shown, ribbon) if shown is not None and frame >= 0 else None

    wanted = samples_of(card.frames, card.fps)
    offset = samples_of(round(start * card.fps), card.fps)
    track = None
    if probe(plate).has_audio:
        track = sound.encode_aac(sound.exactly(sound.skipped(sound.decode_pcm(plate), offset), wanted))
    _film(card, layout, palette, canvas, panel, target, track)


def write_continuation(
    card: Card, size: tuple[int, int], source: Path, source_frames: int, overlap: int, end: View, target: Path
) -> None:
    """Go on from a clip: repeat its last `overlap` frames, then move slowly over its last picture."""
    layout, palette = _place(card, size)
    canvas = draw_margins(card, layout, palette, words_in_column=True)
    shared = min(overlap, source_frames)
    pictures = list(clip_panel(source, layout, source_frames - max(1, shared), card.fps, count=max(1, shared)))
    last = pictures[-1]
    travel = _Travel(last, WHOLE, end, layout.panel, card.frames - shared + 1)

    def panel(frame: int) -> Planes | None:
        if frame < shared:
            return pictures[frame]
        if end == WHOLE:
            return last if frame == shared else None
        return travel(frame - shared + 1)

    _film(card, layout, palette, canvas, panel, target, key_at=shared)


# -- pieces -----------------------------------------------------------------------------------------------


def _place(card: Card, size: tuple[int, int]) -> tuple[Layout, Palette]:
    return layout_for(*size), palette_for(f"{card.heading} {card.words}", card.seed)


def _kept(picture: Image.Image, layout: Layout) -> Planes:
    panel = layout.panel
    size = round(panel.width * _RESERVE / 2) * 2, round(panel.height * _RESERVE / 2) * 2
    return planes_of_picture(fitted(picture, size))


def _held(shown: Moved, layout: Layout) -> Planes:
    room = (layout.panel.width, layout.panel.height)
    if shown.start == WHOLE:
        return planes_of_picture(fitted(shown.picture, room))
    return viewed(_kept(shown.picture, layout), shown.start, room)


def _moving(shown: Moved, layout: Layout, count: int) -> PanelSource:
    return _Travel(_kept(shown.picture, layout), shown.start, shown.end, layout.panel, count)


class _Travel:
    """The pictures of a move. Where it is slower than a pixel in several frames, those between are mixed.

    Two pictures less than a pixel apart, mixed, are what sampling between them would give, for a seventh of the time.
    """

    def __init__(self, source: Planes, start: View, end: View, panel: Box, count: int) -> None:
        self._source, self._start, self._end = source, start, end
        self._room = (panel.width, panel.height)
        self._last = max(1, count - 1)
        speed = max(panel.width, panel.height) * start.reach(end) / self._last
        self._step = max(1, min(4, int(_FINEST_PX / speed))) if speed else 1
        self._known: dict[int, Planes] = {}

    def __call__(self, frame: int) -> Planes:
        before = frame - frame % self._step
        part = (frame - before) / self._step
        return self._at(before) if not part else blended(self._at(before), self._at(before + self._step), part)

    def _at(self, frame: int) -> Planes:
        if frame not in self._known:
            self._known = {n: p for n, p in self._known.items() if n == frame - self._step}
            view = self._start.toward(self._end, min(1.0, frame / self._last))
            self._known[frame] = viewed(self._source, view, self._room)
        return self._known[frame]


def _eased(part: float) -> float:
    inside = min(1.0, max(0.0, part))
    return inside * inside * (3 - 2 * inside)


def panel_picture(picture: Image.Image) -> Image.Image:
    """Return the panel of a frame that came from one of our own slates, else the picture itself.

    A slate is known by its margins, which are of one colour all round; a camera's picture has no such frame.
    """
    layout = layout_for(*picture.size)
    spots = [(2, y) for y in range(layout.panel.top, layout.panel.bottom, max(1, layout.panel.height // 12))] + [
        (layout.panel.right + layout.px(10), y) for y in range(layout.panel.top, layout.panel.bottom, 9)
    ]
    for spot in spots:
        found = picture.getpixel(spot)
        assert isinstance(found, tuple)
        if any(abs(part - wanted) > 10 for part, wanted in zip(found, MARGIN, strict=True)):
            return picture
    return picture.crop(layout.panel.corners)


def clip_panel(path: Path, layout: Layout, first: int, fps: int, *, count: int) -> Iterator[Planes]:
    """Yield pictures of a clip in the panel's size: the panel of a slate, else the whole frame, filling."""
    room = (layout.panel.width, layout.panel.height)
    is_slate: bool | None = None
    for frame in frames.walk(path, first, count, fps=fps):
        if is_slate is None:
            whole = colour.picture_of(frame)
            is_slate = panel_picture(whole).size != whole.size
        if is_slate:
            own = layout_for(frame.width, frame.height).panel
            yield _scaled(_cut(planes_of(frame), own), room)
            continue
        scale = max(room[0] / frame.width, room[1] / frame.height)
        wide, high = max(room[0], even(frame.width * scale)), max(room[1], even(frame.height * scale))
        small = colour.conformed(frame, (wide, high))
        left, top = (wide - room[0]) // 4 * 2, (high - room[1]) // 4 * 2
        yield _cut(planes_of(small), Box(left, top, *room))


def _cut(planes: Planes, box: Box) -> Planes:
    luma, blue, red = (
        plane.crop((box.left // part, box.top // part, box.right // part, box.bottom // part))
        for plane, part in zip(planes, (1, 2, 2), strict=True)
    )
    return luma, blue, red


def _scaled(planes: Planes, room: tuple[int, int]) -> Planes:
    return planes if planes[0].size == room else viewed(planes, WHOLE, room)


def _band_patch(card: Card, layout: Layout, palette: Palette) -> tuple[Planes, int]:
    """Return the ribbon as planes and the row of the panel where it begins; it is opaque, so it is drawn once."""
    ground = Image.new("RGB", (layout.panel.width, layout.panel.height), MARGIN)
    draw_band(ground, Box(0, 0, layout.panel.width, layout.panel.height), card.band, card.words, layout, palette)
    top = (layout.panel.height - layout.px(44)) // 2 * 2
    return planes_of_picture(ground.crop((0, top, layout.panel.width, layout.panel.height))), top


def _banded(shown: Planes, ribbon: tuple[Planes, int]) -> Planes:
    for plane, strip, part in zip(shown, ribbon[0], (1, 2, 2), strict=True):
        plane.paste(strip, (0, ribbon[1] // part))
    return shown


def _film(
    card: Card,
    layout: Layout,
    palette: Palette,
    canvas: Image.Image,
    panel: PanelSource | None,
    target: Path,
    track: sound.SoundTrack | None = None,
    key_at: int = 0,
) -> None:
    stage = Stage(canvas)
    clock = Clock(layout, card.fps, card.frames) if card.timecode else None
    strips: dict[tuple[Caption, ...], Patch] = {}
    spoken: tuple[Caption, ...] = ()
    with ClipWriter(target, (layout.width, layout.height), card.fps) as writer:
        writer.add_sound(track or sound.bed(samples_of(card.frames, card.fps), card.take - 1))
        for number in range(card.frames):
            now = _spoken_at(card.captions, Fraction(number, card.fps))
            if now != spoken:
                if now not in strips:
                    strips[now] = _strip_patch(now, layout, palette)
                stage.lay(strips[now])
                spoken = now
            picture = panel(number) if panel is not None else None
            if picture is not None:
                stage.lay_planes(picture, layout.panel.left, layout.panel.top)
            if clock is not None:
                clock.show(stage, number)
            writer.add(stage.frame, key=number in (0, key_at))


def _still(card: Card, layout: Layout, palette: Palette, stage: Stage, target: Path) -> None:
    """Write a film on which only the clock runs: its key frames are encoded, what lies between is known already."""
    film = Film(layout, card.fps, card.frames, card.timecode)
    clock = Clock(layout, card.fps, card.frames) if card.timecode else None
    spoken: tuple[Caption, ...] = ()
    with ClipWriter(target, (layout.width, layout.height), card.fps) as writer:
        writer.add_sound(sound.bed(samples_of(card.frames, card.fps), card.take - 1))
        for first, end in pairwise(_key_frames(card)):
            now = _spoken_at(card.captions, Fraction(first, card.fps))
            if now != spoken:
                stage.lay(_strip_patch(now, layout, palette))
                spoken = now
            if clock is not None:
                clock.show(stage, first)
            following = ticks(film, first, end - first - 1)
            if not film.has_clock or stage.read(layout.clock_ground) == following.ground:
                writer.add(stage.frame, key=True)
                writer.add_coded(following.coded)
                continue
            # The column is so full that something reaches into the clock's ground.
            for number in range(first, end):
                if clock is not None:
                    clock.show(stage, number)
                writer.add(stage.frame, key=number == first)


def _key_frames(card: Card) -> list[int]:
    """Return where a still slate needs whole pictures, and its end: every other second, and where words change."""
    found = set(range(0, card.frames + 1, 2 * card.fps)) | {0, card.frames}
    for caption in card.captions:
        found |= {min(card.frames, max(0, ceil(moment * card.fps))) for moment in (caption.at, caption.until)}
    return sorted(found)


def _spoken_at(captions: tuple[Caption, ...], moment: Fraction) -> tuple[Caption, ...]:
    return tuple(caption for caption in captions if caption.at <= moment < caption.until)[:2]


def _strip_patch(captions: tuple[Caption, ...], layout: Layout, palette: Palette) -> Patch:
    canvas = Image.new("RGB", (layout.width, layout.height), MARGIN)
    draw_strip(canvas, captions, layout, palette)
    strip = layout.strip
    return Patch.of(canvas, Box(strip.left, strip.top, strip.width, layout.height - strip.top))
