"""Text stays inside its box in every script, reads in the right direction, and never turns into boxes silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from veospec.media import fonts, text
from veospec.media.text import Style

TEXTS = {
    "english": "A small car ferry leaves the harbour in late November, lights doubled in black water.",
    "greek": "Ένα μικρό πλοίο φεύγει από το λιμάνι στα τέλη Νοεμβρίου, με φώτα στο μαύρο νερό.",
    "russian": "Маленький паром уходит из гавани в конце ноября, огни двоятся в чёрной воде.",
    "vietnamese": "Chiếc phà nhỏ rời bến cảng vào cuối tháng Mười Một, ánh đèn soi bóng.",
    "japanese": "小さなフェリーが十一月の終わりに港を出る。黒い水に灯りが二重に映っている。「行くぞ」",
    "arabic": "عبّارة صغيرة تغادر الميناء في أواخر نوفمبر، والأضواء تتضاعف في الماء الأسود",
    "emoji": "🎬 take 2 🚢 leaves 👩🏽‍🔧 now",
    "one word": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3,
    "no spaces": "x" * 100_000,
    "nothing": "",
    "controls": "a\x00b\x1b[31mc\u202ed\te\r\nf\u2028g",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("width", "height"), [(40, 12), (90, 60), (300, 90), (900, 400)])
def test_fitted_text_never_leaves_its_box(name: str, width: int, height: int) -> None:
    block = text.fit(TEXTS[name], width, height, (40, 30, 20, 14, 9))
    assert block.width <= width
    assert block.height <= max(height, block.style.line_height)
    assert all(line == line.strip() and line for line in block.lines)


@pytest.mark.parametrize("name", ["english", "greek", "russian", "japanese", "arabic", "one word"])
def test_ink_stays_inside_what_was_measured(name: str) -> None:
    style = Style(24)
    line = text.clean(TEXTS[name])[:60]
    canvas = Image.new("RGB", (2400, 80))
    text.draw_line(canvas, (20, 50), line, style, (255, 255, 255))
    box = canvas.getbbox()
    assert box is not None
    assert box[0] >= 17
    assert box[2] <= 20 + text.measure(line, style) + 3


def test_wrapping_loses_no_word() -> None:
    words = TEXTS["english"].split()
    assert " ".join(text.wrap(TEXTS["english"], 200, Style(20))).split() == words


def test_chinese_and_japanese_break_between_signs_but_not_before_a_full_stop() -> None:
    lines = text.wrap(TEXTS["japanese"], 130, Style(20))
    if fonts.face_for("小", "regular") is None:
        pytest.skip("no font for Japanese on this machine")
    assert len(lines) > 3
    assert not any(line[0] in "。、」" for line in lines)


def test_text_that_does_not_fit_at_all_ends_in_an_ellipsis() -> None:
    block = text.fit(TEXTS["english"], 100, 20, (18, 16))
    assert len(block.lines) == 1
    assert block.lines[0].endswith("…")


def test_controls_and_bidi_overrides_are_taken_out() -> None:
    assert text.clean(TEXTS["controls"]) == "ab[31mcd e f g"


def test_right_to_left_phrases_are_turned_and_others_are_not() -> None:
    assert text.is_rtl("مرحبا SH010")
    assert not text.is_rtl("SH010 مرحبا")
    runs = text._runs("שלום SH010", "regular")
    assert runs[0].rtl is False
    assert "SH010" in runs[0].text
    assert [run.rtl for run in text._runs("SH010 שלום", "regular")] == [False, True]


ALPHABETS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;!?-–—…“”‘’„«»()[]{}/\\&@#%*+=<>|~^_$€£¥©®™°·•"
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīĮįİıĶķĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŤťŪūŮůŰűŲųŹźŻżŽžȘșȚțẞạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ"
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωςάέήίόύώΆΈΉΊΌΎΏϊϋΐΰἀἁἂἃᾳ"
    "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюяЂђЃѓЄєЅѕІіЇїЈјЉљЊњЋћЌќЎўЏџҐґӘәҒғҚқҢңӨөҮүҰұҺһ"
)


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_the_shipped_font_covers_latin_greek_and_cyrillic(weight: str) -> None:
    face = fonts.shipped(weight)
    assert [c for c in ALPHABETS if not fonts.has(face, ord(c))] == []
    assert not fonts.has(face, ord("語"))
    assert "SIL OPEN FONT LICENSE" in (Path(face.path).parent / "OFL.txt").read_text("utf-8")


def test_characters_without_a_font_are_replaced_and_said() -> None:
    lost = "\ue123"
    assert fonts.missing_notice("plain words, Ελληνικά, кириллица") == ""
    notice = fonts.missing_notice(f"before {lost} after")
    assert "no font on this machine" in notice
    assert lost in notice
    assert [run.text for run in text._runs(f"a{lost}b", "regular")] == [f"a{fonts.REPLACEMENT}b"]


@pytest.mark.parametrize(
    "content", [b"", b"\0\1\0\0", b"ttcf" + bytes(8), b"\0\1\0\0\xff\xff" + bytes(40), bytes(range(256)) * 8]
)
def test_broken_font_files_cover_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.ttf"
    path.write_bytes(content)
    assert not fonts.has(fonts.Face(str(path)), ord("A"))
