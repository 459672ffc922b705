"""Joins stretches of films into one, copying coded frames wherever that is exact and encoding only the rest.

Frames can be copied when a film has the same decoder configuration as the result and no frame is shown in another
order than it is stored in; copying then begins at a key frame. What lies before it is encoded anew, so a trim of six
frames costs a second of film and not the whole clip. Encoded pieces are kept under the digest of what they show.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from msgspec import Struct
from msgspec.structs import replace
from PIL import Image, ImageOps

from veospec.errors import MediaError
from veospec.media import colour, frames, sound
from veospec.media.boxes import check_mp4
from veospec.media.encode import DRAFT, FINE, MP4_OPTIONS, ClipWriter, Coding, add_film, samples_of
from veospec.media.mix import SoundPart, mixed
from veospec.media.opened import film_of, opened
from veospec.media.probe import probe
from veospec.media.stage import Planes, Stage, blended, planes_of
from veospec.model import Digest

PIECE_VERSION = 2
"""Raised when an encoded piece would get other bytes."""

_BLACK = (16, 128, 128)


class Stretch(Struct, frozen=True):
    """`count` frames of a film from `first` on, at the rate of the result. Frames beyond the end repeat the last."""

    path: Path
    digest: Digest
    first: int
    count: int


class Piece(Struct, frozen=True):
    """What is seen for a while: one stretch, or two that dissolve; `fade` is `out`, `in` or nothing."""

    shown: Stretch
    over: Stretch | None = None
    fade: str = ""


class _Table(Struct, frozen=True):
    """What has to be known of a film to copy its frames."""

    extradata: bytes
    size: tuple[int, int]
    fps: Fraction
    frames: int
    keys: tuple[int, ...]
    in_order: bool


class Form(Struct, frozen=True):
    """The one form of a result."""

    size: tuple[int, int]
    fps: int
    coding: Coding


def join_extension(source: Path, segment: Path, overlap: int, target: Path) -> None:
    """Write source and extension as one clip, without the extension's first `overlap` frames, which both share."""
    facts, more = probe(source), probe(segment)
    if facts.fps is None or more.fps is None or more.frames <= overlap:
        raise MediaError("an extension is joined to a film, and is longer than the part that both share")
    fps = round(facts.fps)
    length = int((facts.duration or Fraction(0)) * fps)
    added = int((more.duration or Fraction(0)) * fps) - overlap
    pieces = (Piece(Stretch(source, "", 0, length)), Piece(Stretch(segment, "", overlap, added)))
    form = Form((facts.width, facts.height), fps, house_coding([source, segment], (facts.width, facts.height), fps))
    parts = [
        SoundPart(source, 0, length, joint_after=(0, 0)),
        SoundPart(segment, overlap, added, joint_after=(0, 0)),
    ]
    samples = samples_of(length + added, fps)
    track = None
    if facts.has_audio or more.has_audio:
        track = sound.encode_aac(sound.exactly(mixed(parts, fps), samples))
    write(pieces, form, target, track, cache=None)


def house_coding(paths: Iterable[Path], size: tuple[int, int], fps: int) -> Coding:
    """Return the coding that most of what is there has already: drafts among drafts, else the fine one."""
    ours = configuration(size, fps, DRAFT)
    return DRAFT if all(_table(path).extradata == ours for path in paths) else FINE


@lru_cache(maxsize=64)
def configuration(size: tuple[int, int], fps: int, coding: Coding) -> bytes:
    """Return the decoder configuration that our encoder writes for a form, read back from a film of one frame."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4", options={"fflags": "+bitexact"}) as out:
        film = add_film(out, size, fps, coding)
        frame = colour.frame_of(Image.new("RGB", size))
        frame.pts = 0
        out.mux([*film.encode(frame), *film.encode(None)])
    memory.seek(0)
    with av.open(memory, "r", format="mp4") as back:
        return back.streams.video[0].codec_context.extradata or b""


def write(
    pieces: Sequence[Piece], form: Form, target: Path, track: sound.SoundTrack | None, cache: Path | None
) -> None:
    """Write the pieces one after the other, with a sound track. `cache` keeps what had to be encoded."""
    plain = _copies_of_whole_films(pieces)
    if plain is not None:
        _concatenate(plain, form.fps, target, track)
        return
    ours = configuration(form.size, form.fps, form.coding)
    parts = [part for piece in pieces for part in _split(piece, form, ours)]
    kept = cache or target.with_name(f".{target.name}.pieces")
    kept.mkdir(parents=True, exist_ok=True)
    try:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            # A stretch that is seen twice is encoded once.
            unique = list(dict.fromkeys(parts))
            made = dict(zip(unique, pool.map(lambda part: _ready(part, form, ours, kept), unique), strict=True))
        _concatenate([made[part] for part in parts], form.fps, target, track)
    finally:
        if cache is None:
            for leftover in kept.iterdir():
                leftover.unlink()
            kept.rmdir()


@lru_cache(maxsize=4096)
def _table_at(path: Path, size: int, changed_ns: int) -> _Table:
    del size, changed_ns
    with opened(path) as source:
        film = film_of(source, path)
        entries = [entry for entry in film.index_entries if not entry.is_discard]
        stamps = [entry.timestamp for entry in entries]
        keys = tuple(n for n, entry in enumerate(entries) if entry.is_keyframe)
        context = film.codec_context
        in_order = context.name == "h264" and not context.has_b_frames and stamps == sorted(stamps)
        rate = film.average_rate or Fraction(0)
        return _Table(context.extradata or b"", (film.width, film.height), rate, film.frames, keys, in_order)


def _table(path: Path) -> _Table:
    about = path.stat()
    return _table_at(path, about.st_size, about.st_mtime_ns)


def _copies_of_whole_films(pieces: Sequence[Piece]) -> list[Stretch] | None:
    """Return the stretches when all of them are whole films of one configuration, whoever made them."""
    tables = [_table(piece.shown.path) for piece in pieces]
    for piece, table in zip(pieces, tables, strict=True):
        is_whole = piece.shown.first == 0 and piece.shown.count == table.frames
        same = (table.extradata, table.size, table.fps) == (tables[0].extradata, tables[0].size, tables[0].fps)
        if piece.over is not None or piece.fade or not is_whole or not same:
            return None
    return [piece.shown for piece in pieces]


def _split(piece: Piece, form: Form, ours: bytes) -> Iterator[Piece]:
    """Cut a plain piece at its first key frame: what follows can be copied."""
    stretch = piece.shown
    table = _table(stretch.path)
    if piece.over is not None or piece.fade or not _is_copyable(table, form, ours):
        yield piece
        return
    end = min(stretch.first + stretch.count, table.frames)
    key = next((key for key in table.keys if stretch.first <= key < end), end)
    beyond = stretch.first + stretch.count - max(end, stretch.first)
    if key > stretch.first and stretch.first < end:
        yield replace(piece, shown=replace(stretch, count=key - stretch.first))
    if key < end:
        yield replace(piece, shown=replace(stretch, first=key, count=end - key))
    if beyond > 0:
        yield replace(piece, shown=replace(stretch, first=max(end, stretch.first), count=beyond))


def _is_copyable(table: _Table, form: Form, ours: bytes) -> bool:
    return (table.extradata, table.size, table.fps, table.in_order) == (ours, form.size, Fraction(form.fps), True)


def _ready(piece: Piece, form: Form, ours: bytes, kept: Path) -> Stretch:
    """Return a stretch whose frames can be copied: the piece itself, or a film that was encoded for it."""
    stretch = piece.shown
    table = _table(stretch.path)
    is_plain = piece.over is None and not piece.fade and stretch.first in table.keys
    if is_plain and _is_copyable(table, form, ours) and stretch.first + stretch.count <= table.frames:
        return stretch
    name = _piece_key(piece, form)
    path = kept / f"{name}.mp4"
    if not _is_whole(path):
        fresh = kept / f".{name}.{os.getpid()}.part"
        try:
            _encode(piece, form, fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    return Stretch(path, name, 0, stretch.count)


def _is_whole(path: Path) -> bool:
    try:
        check_mp4(path)
    except (OSError, MediaError):
        return False
    return True


def _piece_key(piece: Piece, form: Form) -> str:
    said = [str(PIECE_VERSION), repr(form), piece.fade]
    stretches = (piece.shown, piece.over)
    said.extend(f"{s.digest or s.path} {s.first} {s.count}" for s in stretches if s is not None)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _encode(piece: Piece, form: Form, target: Path) -> None:
    count = piece.shown.count
    others = _pictures(piece.over, form) if piece.over is not None else None
    with ClipWriter(target, form.size, form.fps, form.coding, sound=False) as writer:
        for number, frame in enumerate(_pictures(piece.shown, form)):
            if others is not None:
                part = (number + 1) / (count + 1)
                mix = blended(planes_of(frame), planes_of(next(others)), part)
                writer.add(_painted(mix, form), key=number == 0)
            elif piece.fade:
                done = (number + 1) / (count + 1)
                writer.add(_faded(frame, 1 - done if piece.fade == "out" else done, form), key=number == 0)
            else:
                writer.add(frame, key=number == 0)
        if writer.frames != count:
            raise MediaError(f"{piece.shown.path.name} has no frame {piece.shown.first}", "the file is too short")


def _painted(planes: Planes, form: Form) -> VideoFrame:
    stage = Stage(Image.new("RGB", form.size))
    stage.lay_planes(planes, 0, 0)
    return stage.frame


def _faded(frame: VideoFrame, light: float, form: Form) -> VideoFrame:
    luma, blue, red = (
        plane.point([round(ground + (level - ground) * light) for level in range(256)])
        for plane, ground in zip(planes_of(frame), _BLACK, strict=True)
    )
    return _painted((luma, blue, red), form)


def _pictures(stretch: Stretch, form: Form) -> Iterator[VideoFrame]:
    """Yield exactly the frames of a stretch in the form of the result."""
    for frame in frames.walk(stretch.path, stretch.first, stretch.count, fps=form.fps):
        yield conformed(frame, form.size)


def conformed(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Scale a frame to a size; a picture of another shape gets bars rather than losing its edges."""
    if abs(frame.width * size[1] / (frame.height * size[0]) - 1) > 0.02:
        whole = ImageOps.pad(colour.picture_of(frame), size, Image.Resampling.BICUBIC)
        return colour.frame_of(whole)
    return colour.conformed(frame, size)


def _concatenate(stretches: Sequence[Stretch], fps: int, target: Path, track: sound.SoundTrack | None) -> None:
    """Copy coded frames of stretches that begin at key frames into one file."""
    try:
        with av.open(f"file:{target}", "w", format="mp4", options=MP4_OPTIONS) as out:
            with opened(stretches[0].path) as first:
                film = out.add_stream_from_template(film_of(first, stretches[0].path))
            waiting = iter(()) if track is None else iter(track.packets(sound.open_aac(out)))
            out.start_encoding()
            at = 0
            pending = next(waiting, None)
            for stretch in stretches:
                for packet in _copied(stretch, film, at, fps):
                    while pending is not None and (pending.pts or 0) * fps <= at * sound.RATE:
                        out.mux(pending)
                        pending = next(waiting, None)
                    out.mux(packet)
                at += stretch.count
            while pending is not None:
                out.mux(pending)
                pending = next(waiting, None)
    except (OSError, av.error.FFmpegError) as failed:
        target.unlink(missing_ok=True)
        raise MediaError(f"cannot write {target.name}: {failed.strerror}") from failed
    except MediaError:
        target.unlink(missing_ok=True)
        raise


def _copied(stretch: Stretch, film: Any, at: int, fps: int) -> Iterator[Packet[Any]]:
    tick = Fraction(1, fps)
    with opened(stretch.path) as source:
        own = film_of(source, stretch.path)
        base = own.time_base or tick
        start = own.start_time or 0
        step = round(tick / base)
        skip = stretch.first * step + start
        if stretch.first:
            source.seek(skip, stream=own, backward=True)
        for packet in source.demux(own):
            if packet.pts is None or packet.dts is None or packet.pts < skip:
                continue
            if packet.pts >= skip + stretch.count * step:
                break
            packet.pts = round((packet.pts - skip) / step) + at if step else at
            packet.dts = round((packet.dts - skip) / step) + at if step else at
            packet.duration = 1
            packet.time_base = tick
            packet.stream = film
            yield packet
