"""Rows about pictures and sound, against the ffmpeg that imageio-ffmpeg carries. CPU seconds of the work alone."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from PIL import Image
from turns import Row

from veospec.media import frames, join
from veospec.media.animatic import Moved, write_move
from veospec.media.encode import DRAFT
from veospec.media.join import Form, Piece, Stretch
from veospec.media.moves import WHOLE, View
from veospec.media.probe import probe
from veospec.media.slate import Card
from veospec.store.durable import digest_of

SIZE, FPS, COUNT = (1280, 720), 24, 192


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process and its children for some work."""

    def used() -> float:
        return sum(
            getattr(resource.getrusage(who), field)
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            for field in ("ru_utime", "ru_stime")
        )

    before = used()
    work()
    return used() - before


def media_rows(folder: Path, ffmpeg: str | None, rounds: int) -> Iterator[Row]:
    """Yield the rows of slates, frames and joins."""
    if ffmpeg is None:
        yield Row("media rows", "ratios to ffmpeg", "imageio-ffmpeg could not be installed")
        return
    folder.mkdir(parents=True, exist_ok=True)
    plate, words, tile = folder / "plate.png", folder / "words.png", folder / "still.mp4"
    noise = Image.effect_noise((1920, 1080), 30)
    Image.blend(noise, Image.linear_gradient("L").resize((1920, 1080)), 0.6).convert("RGB").save(plate)
    Image.new("RGBA", (600, 60), (0, 0, 0, 120)).save(words)
    picture = Image.open(plate).convert("RGB")
    moving, other = folder / "moving.mp4", folder / "ffmpeg.mp4"

    def slate(shown: Moved, target: Path) -> None:
        card = Card("BEN", "SC01", "EXT. HARBOUR", "SH010", 1, "t2v", "WS", "slow push-in", "A ferry leaves.", "", (),
                    1, FPS, COUNT)  # fmt: skip
        write_move(card, SIZE, shown, target)

    def zoom() -> None:
        path = f"z='1+0.16*on/{COUNT}':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d={COUNT}:s=1280x720:fps={FPS}"
        graph = f"[0]zoompan={path}[v];[v][1]overlay=40:620,format=yuv420p"
        line = ["-i", str(plate), "-i", str(words), "-filter_complex", graph, "-frames:v", str(COUNT)]
        line += ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", str(other)]
        _run(ffmpeg, *line)

    def first_of_ffmpeg() -> None:
        _run(ffmpeg, "-i", str(moving), "-frames:v", "1", str(folder / "first.png"))

    def both_frames() -> None:
        facts = probe(moving)
        for which in ("first", "last"):
            frames.extract(moving, which, facts, folder / f"{which}.png")

    took: dict[str, list[float]] = {}
    works: dict[str, Callable[[], object]] = {
        "moving": lambda: slate(Moved(picture, WHOLE, View(0.5, 0.5, 0.86)), moving),
        "ffmpeg": zoom,
        "still": lambda: slate(Moved(picture), tile),
        "frames": both_frames,
        "first": first_of_ffmpeg,
    }
    for number in range(rounds + 1):
        for name, work in works.items():
            seconds = cpu(work)
            if number:
                took.setdefault(name, []).append(seconds)

    def ratio(a: str, b: str) -> float:
        return median(x / y for x, y in zip(took[a], took[b], strict=True))

    per_core = ratio("ffmpeg", "moving")
    yield Row("camera-move slate, 720p24, 8 s", "≥ 0.85 × the frames per core of ffmpeg (zoompan, overlay, ultrafast)",
              f"{per_core:.2f} × ({COUNT / median(took['moving']):.0f} against {COUNT / median(took['ffmpeg']):.0f} "
              "frames per CPU second; ours with head, column, clock and sound)", per_core >= 0.85)  # fmt: skip
    still = ratio("still", "moving")
    yield Row("still slate", "≤ 0.06 × the CPU of a moving one", f"{still:.2f} ×", still <= 0.06)
    both = ratio("frames", "first")
    yield Row(
        "first and last frame of a clip", "≤ 1.4 × the CPU of ffmpeg's first frame alone", f"{both:.2f} ×", both <= 1.4
    )
    yield from _join_row(folder, ffmpeg, moving, rounds)


def _join_row(folder: Path, ffmpeg: str, clip: Path, rounds: int) -> Iterator[Row]:
    clips = []
    for number in range(100):
        copy = folder / f"part{number:03}.mp4"
        copy.write_bytes(clip.read_bytes() + (24).to_bytes(4, "big") + b"free" + f"{number:016}".encode())
        clips.append(copy)
    names = folder / "parts.txt"
    names.write_text("".join(f"file '{path}'\n" for path in clips))
    pieces = [Piece(Stretch(path, _digest(path), 0, COUNT)) for path in clips]
    ours, theirs = [], []
    for number in range(rounds + 1):
        a = cpu(lambda: join.write(pieces, Form(SIZE, FPS, DRAFT), folder / "joined.mp4", None, folder / "pieces"))
        b = cpu(lambda: _run(ffmpeg, "-f", "concat", "-safe", "0", "-i", str(names), "-an", "-c", "copy",
                             str(folder / "concat.mp4")))  # fmt: skip
        if number:
            ours.append(a)
            theirs.append(b)
    ratio = median(x / y for x, y in zip(ours, theirs, strict=True))
    yield Row("join of 100 clips", "≤ 1.1 × `ffmpeg -c copy`", f"{ratio:.2f} ×", ratio <= 1.1)


def _digest(path: Path) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return digest_of(fd)[0]
    finally:
        os.close(fd)


def _run(program: str, *arguments: str) -> None:
    subprocess.run([program, "-nostdin", "-v", "error", "-y", *arguments], check=True)
