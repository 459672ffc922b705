"""Contact sheets and moving previews."""

from __future__ import annotations

from pathlib import Path

import pytest
from numbered_films import write_numbered
from PIL import Image

from veospec.errors import MediaError
from veospec.media.pictogram import draw_pictogram
from veospec.media.preview import Shown, write_preview
from veospec.media.sheet import SheetEntry, write_sheet


def entries(tmp_path: Path) -> list[SheetEntry]:
    good = tmp_path / "a.jpg"
    Image.new("RGB", (160, 90), (10, 200, 30)).save(good)
    broken = tmp_path / "b.jpg"
    broken.write_bytes(good.read_bytes()[:200])
    return [
        SheetEntry("SH010 T01", "seed 7 · 8 s", (good, good, good), is_selected=True),
        SheetEntry("日本 <b>", "x" * 500, (good,), flags=("stale", "note " * 90)),
        SheetEntry("SH030 T01", "", (broken,)),
        SheetEntry("SH040 T01", "", (), missing="the service refused the content"),
        SheetEntry("SH050 T01", "", (tmp_path / "none.jpg",)),
    ]


def test_sheets_show_good_and_broken_takes_and_have_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        write_sheet("The Night Ferry", entries(tmp_path), 3, tmp_path / name)
    assert (tmp_path / "1.jpg").read_bytes() == (tmp_path / "2.jpg").read_bytes()
    with Image.open(tmp_path / "1.jpg") as sheet:
        assert sheet.width == 3 * (420 + 24) + 24
        found = sheet.convert("RGB").getpixel((24 + 70, 84 + 30))
        assert isinstance(found, tuple)
        assert found[1] > 150


def test_a_sheet_without_takes_is_a_sheet(tmp_path: Path) -> None:
    write_sheet("Nothing yet", [], 4, tmp_path / "1.jpg")
    with Image.open(tmp_path / "1.jpg") as sheet:
        assert sheet.width > 400


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_previews_move(tmp_path: Path, suffix: str) -> None:
    clips = [Shown(write_numbered(tmp_path / f"{n}.mp4", 24, base=n * 30)) for n in range(2)]
    for name in ("a", "b"):
        write_preview(clips, tmp_path / f"{name}{suffix}", width=64, per_clip=3)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    with Image.open(tmp_path / f"a{suffix}") as moving:
        assert (moving.n_frames, moving.size) == (6, (64, 36))  # type: ignore[attr-defined]


def test_previews_need_a_clip_and_a_known_form(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no clip"):
        write_preview([], tmp_path / "a.webp")
    with pytest.raises(MediaError, match="no preview format"):
        write_preview([], tmp_path / "a.mp4")


def test_each_shot_size_and_move_has_its_own_sketch() -> None:
    sketches = {
        (size, move): draw_pictogram((96, 54), size, move, (255, 180, 80)).tobytes()
        for size in ("EWS", "WS", "FS", "MLS", "MS", "MCU", "CU", "ECU", "OTS", "insert", "")
        for move in (
            "push in",
            "pull out",
            "pan left",
            "pan right",
            "crane up",
            "tilt down",
            "handheld",
            "locked off",
            "",
        )
    }
    assert len(set(sketches.values())) == len(sketches)
