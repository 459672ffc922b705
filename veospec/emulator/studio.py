"""Turn recipes into files: pictures, clips, GIFs, made when somebody downloads them and kept for a while.

A recipe is a small JSON value in the state; the bytes follow from it alone, so nothing but uploads has to be stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from msgspec import Struct

from veospec.emulator.state import Media, State
from veospec.errors import MediaError
from veospec.media import testcard, testclip
from veospec.media.testcard import Card, Film, Given, Hold, Picture, Washed

FPS = testcard.FPS
_CACHE_BYTES = 96 << 20
_CACHE_FILMS = 128
_AHEAD_PIXELS = 1280 * 720
_AHEAD_FILES = 512
_T = TypeVar("_T")

_CLIP_SIDES = {"landscape": (16, 9), "portrait": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4)}
_STILL_SIZES = {
    "16:9": (1344, 756),
    "4:3": (1152, 864),
    "1:1": (1024, 1024),
    "3:4": (864, 1152),
    "9:16": (756, 1344),
}
_SHORT_SIDES = {"360p": 360, "720p": 720, "1080p": 1080, "4K": 2160}


class Sizes(Struct, frozen=True):
    """Pixel sizes; `divisor` 4 makes everything a quarter as wide and high."""

    divisor: int = 1

    def clip(self, aspect: str, resolution: str) -> tuple[int, int]:
        """Return the size of a clip; both sides are even."""
        wide, high = _CLIP_SIDES[aspect]
        unit = _SHORT_SIDES[resolution] / min(wide, high) / self.divisor
        return round(wide * unit) & ~1, round(high * unit) & ~1

    def upscaled(self, width: int, height: int, resolution: str) -> tuple[int, int]:
        """Return the size of an upscaled clip of the same ratio."""
        scale = _SHORT_SIDES[resolution] / self.divisor / min(width, height)
        return round(width * scale) & ~1, round(height * scale) & ~1

    def still(self, aspect: str) -> tuple[int, int]:
        """Return the size of a picture of the 1K class."""
        width, height = _STILL_SIZES[{"landscape": "16:9", "portrait": "9:16"}.get(aspect, aspect)]
        return width // self.divisor, height // self.divisor

    def still_like(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the 1K class whose ratio is nearest."""
        ratio = width / height
        aspect = min(_STILL_SIZES, key=lambda name: abs(_STILL_SIZES[name][0] / _STILL_SIZES[name][1] - ratio))
        return self.still(aspect)


def _seed(seed: int, text: str) -> int:
    return zlib.crc32(f"{seed}:{text}".encode())


class Studio:
    """Makes and keeps the files of one emulator; one at a time, in its own thread."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._films: OrderedDict[str, Film] = OrderedDict()
        self._held = 0
        self._ahead: set[asyncio.Task[None]] = set()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emulator-studio")

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do slow work beside the server."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def file(self, media: Media) -> bytes:
        """Return the bytes of a picture (JPEG, or as uploaded) or clip (MP4)."""
        return await self._kept(media.key, lambda: self._make(media))

    def begin(self, media: Media) -> None:
        """Make a file while its job runs, so that fifty downloads at once do not wait for each other."""
        if media.width * media.height <= _AHEAD_PIXELS and len(self._ahead) < _AHEAD_FILES:
            task = asyncio.get_running_loop().create_task(self._make_ahead(media))
            self._ahead.add(task)
            task.add_done_callback(self._ahead.discard)

    async def _make_ahead(self, media: Media) -> None:
        with contextlib.suppress(MediaError, RuntimeError):  # a closing server takes no more work
            await self.file(media)

    async def thumbnail(self, media: Media) -> bytes:
        """Return a JPEG of the first frame, 320 pixels wide."""
        height = max(2, 320 * media.height // media.width)

        def make() -> bytes:
            return testcard.draw_still(self.film(media)[0].picture, 320, height)

        return await self._kept(f"{media.key} thumbnail", make)

    async def gif(self, media: Media) -> bytes:
        """Return a GIF about 270 pixels high."""
        width, height = max(2, 270 * media.width // media.height), 270
        return await self.run(lambda: testcard.encode_gif(self.film(media), width, height))

    async def joined(self, parts: list[tuple[Media, int, int]]) -> bytes:
        """Return one MP4 of several clips; each part is (clip, first frame, end frame)."""

        def make() -> bytes:
            film = tuple(hold for media, start, end in parts for hold in testcard.cut(self.film(media), start, end))
            return testclip.encode_clip(film, parts[0][0].width, parts[0][0].height, pitch=self._pitch(parts[0][0]))

        return await self.run(make)

    async def enlarged(self, media: Media, factor: int) -> bytes:
        """Return a picture, larger, as JPEG."""

        def make() -> bytes:
            return testcard.draw_still(self.picture(media), media.width * factor, media.height * factor)

        return await self.run(make)

    async def _kept(self, key: str, make: Callable[[], bytes]) -> bytes:
        known = self._known(key)
        return known if known is not None else await self.run(lambda: self._made(key, make))

    def _known(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
            return self._files.get(key)

    def _made(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Make a file in the studio's thread, unless the one before in the queue was the same."""
        if (known := self._known(key)) is not None:
            return known
        content = make()
        with self._lock:
            self._files[key] = content
            self._held += len(content)
            while self._held > _CACHE_BYTES and len(self._files) > 1:
                self._held -= len(self._files.popitem(last=False)[1])
        return content

    def _make(self, media: Media) -> bytes:
        if media.recipe["op"] == "blob":
            return self._state.blob(media.recipe["digest"])
        if media.kind == "image":
            return testcard.draw_still(self.picture(media), media.width, media.height)
        return testclip.encode_clip(self.film(media), media.width, media.height, pitch=self._pitch(media))

    def picture(self, media: Media) -> Picture:
        """Return what a still shows."""
        recipe = media.recipe
        if recipe["op"] == "blob":
            return Given(self._state.blob(recipe["digest"]))
        return Card(_seed(recipe["seed"], recipe["text"]), recipe["text"], recipe.get("step", 0))

    def _still(self, key: str, clip: Media) -> Picture:
        """Return a still as a frame of a clip; one of another ratio is cut from its file."""
        media = self._state.media[key]
        picture = self.picture(media)
        has_ratio = abs(media.width / media.height - clip.width / clip.height) < 0.01
        if isinstance(picture, Given) or has_ratio:
            return picture
        return Given(testcard.draw_still(picture, media.width, media.height, type="png"))

    def film(self, media: Media) -> Film:
        """Return a clip as pictures with their lengths."""
        with self._lock:
            if (known := self._films.get(media.key)) is not None:
                self._films.move_to_end(media.key)
                return known
        film = self._film(media)
        with self._lock:
            self._films[media.key] = film
            if len(self._films) > _CACHE_FILMS:
                self._films.popitem(last=False)
        return film

    def _pitch(self, media: Media) -> int:
        """Return the note that a clip hums: the same request with the same seed gives the same bytes."""
        recipe = media.recipe
        if recipe["op"] == "scale":
            return self._pitch(self._state.media[recipe["source"]])
        number = zlib.crc32(f"{recipe.get('seed')}:{recipe.get('text', media.key)}".encode())
        return (220, 262, 330, 392)[number % 4]

    def _film(self, media: Media) -> Film:
        recipe = media.recipe
        match recipe["op"]:
            case "blob":
                film = testcard.film_of(self._state.blob(recipe["digest"]))
                return testcard.cut(film, 0, media.frames)
            case "scale":
                return self.film(self._state.media[recipe["source"]])
            case "edit":
                start, end = recipe["window"]
                window = testcard.cut(self.film(self._state.media[recipe["source"]]), start, end)
                seed = _seed(recipe["seed"], recipe["text"])
                return tuple(Hold(_washed(hold.picture, seed), hold.frames) for hold in window)
            case "extend":
                source = self.film(self._state.media[recipe["source"]])
                end = testcard.length(source)
                overlap = testcard.cut(source, max(0, end - FPS), end)
                rest = media.frames - testcard.length(overlap)
                return overlap + _drawn(recipe["seed"], recipe["text"], rest)
            case _:
                return self._clip(media)

    def _clip(self, media: Media) -> Film:
        recipe = media.recipe
        film = list(_drawn(recipe["seed"], recipe["text"], media.frames))
        if start := recipe.get("start"):
            # The card that bears the prompt comes after the given picture.
            film[:2] = [Hold(self._still(start, media), film[0].frames), Hold(film[0].picture, film[1].frames)]
        if end := recipe.get("end"):
            film[-1] = Hold(self._still(end, media), film[-1].frames)
        return tuple(film)


def _washed(picture: Picture, seed: int) -> Picture:
    return picture if isinstance(picture, Washed) else Washed(picture, seed)


def _drawn(seed: int, text: str, frames: int) -> Film:
    """Return a drawn film that changes once a second."""
    mixed = _seed(seed, text)
    label = f"{text} (seed {seed})"
    steps = range(0, frames, FPS)
    return tuple(Hold(Card(mixed, label, n), min(FPS, frames - at)) for n, at in enumerate(steps))
