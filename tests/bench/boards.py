"""Storyboards as people write them, of any length: scenes, sizes, moves, dialogue, references, stills, a few models."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

SIZES = ("EWS", "WS", "MWS", "MS", "MCU", "CU", "ECU", "INSERT")
MOVES = ("locked off", "slow push-in", "handheld, close", "crane down", "pan left with her", "tracking, low", "tilt up")
WHO = ("the old ferryman", "a girl in a yellow coat", "two dock workers", "the engineer", "a stray dog", "the captain")
DOES = ("waits under the lamp", "counts the ropes again", "walks the length of the deck", "looks up at the gulls",
        "pulls the hatch shut", "wipes salt from the glass", "turns the wheel a quarter")  # fmt: skip
LONG = "The camera stays at the height of her eyes and never cuts; nobody looks into the lens."
WHERE = ("at the end of the pier", "in the engine room", "on the car deck", "behind the ticket office", "by the rail")
LIGHT = ("first light, long shadows", "sodium lamps, wet steel", "fog with one green light", "noon, hard sun")
LINES = ("Hold her there.", "That is not the engine.", "We sail when the water says so.", "Did you hear it too?")


def shot(rng: random.Random, number: int, pictures: int, *, fault: str = "") -> list[str]:
    """Return the lines of one shot, about nine; `fault` is put in its duration."""
    text = f"{rng.choice(WHO)} {rng.choice(DOES)} {rng.choice(WHERE)}; {rng.choice(LIGHT)}. mark {number}. {LONG}"
    lines = [
        f"      - id: SH{number:06}",
        f"        size: {rng.choice(SIZES)}",
        f"        move: {rng.choice(MOVES)}",
        f'        prompt: "{text[0].upper()}{text[1:]}"',
        f"        seed: {1000 + number}",
    ]
    kind = rng.random()
    seconds = rng.choice((4, 6, 8))
    if kind < 0.35 and pictures:
        lines.append(f"        start: pic{rng.randrange(pictures):03}")
    elif kind < 0.5 and pictures:
        lines.append(f"        references: [pic{rng.randrange(pictures):03}]")
        seconds = 8
    if kind >= 0.5 and rng.random() < 0.25:
        lines.append("        model: veo-3.1-quality")
        seconds = 8
    lines.append(f"        duration: {fault or f'{seconds}s'}")
    if rng.random() < 0.3:
        lines.append("        dialogue:")
        lines.append(f'          - {{who: ADA, line: "{rng.choice(LINES)}", at: 1s}}')
    if rng.random() < 0.1:
        lines.append("        transition: {type: dissolve, frames: 12}")
    if rng.random() < 0.2:
        lines.append(f"        notes: v{rng.randrange(1, 5)}, see the sheet of day {rng.randrange(1, 30)}")
    return lines


def storyboard(shots: int, *, pictures: int = 100, faults: float = 0.0, seed: int = 7) -> str:
    """Return a storyboard; `faults` is the share of shots with a duration that no model offers."""
    rng = random.Random(seed)
    broken = set(rng.sample(range(shots), int(shots * faults)))
    lines = [
        "# yaml-language-server: $schema=../../schemas/shots.schema.json",
        "veospec: 1",
        "",
        "project: {code: BEN, title: The Long Crossing, fps: 24}",
        "vars: {harbour: Sund}",
        "defaults: {model: veo-3.1-fast, duration: 8s, avoid: [subtitles, logos]}",
        'style: {base: "35 mm film, cold light, slow camera"}',
        "deliver: {review: none, animatic: {size: 180p}, contact_sheet: {frames: [first]}}",
        "assets:",
        *(f"  pic{n:03}: refs/pic{n:03}.png" for n in range(pictures)),
        "scenes:",
    ]
    for number in range(shots):
        if number % 25 == 0:
            lines += [f"  - id: SC{number // 25 + 1:04}", "    slug: EXT. HARBOUR - NIGHT", "    shots:"]
        fault = "7s" if number in broken else ""
        lines += shot(rng, number, pictures, fault=fault)
    return "\n".join(lines) + "\n"


def picture(number: int, size_bytes: int = 100_000) -> bytes:
    """Return a PNG of a given size whose pixels nobody has seen before."""
    rng = random.Random(number)
    raw = b"".join(b"\0" + rng.randbytes(3 * 16) for _ in range(9))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 9, 8, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    filling = size_bytes - len(head) - len(end) - 12
    return head + chunk(b"veSp", rng.randbytes(max(0, filling))) + end


def write_project(folder: Path, shots: int, *, pictures: int = 100, faults: float = 0.0) -> Path:
    """Write a storyboard and its pictures into a folder and return the storyboard's path."""
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        (folder / f"refs/pic{number:03}.png").write_bytes(picture(number))
    path = folder / "shots.yaml"
    path.write_text(storyboard(shots, pictures=pictures, faults=faults), encoding="utf-8")
    return path
