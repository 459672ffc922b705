"""Lines of text in pictures: runs of fonts, direction, wrapping, and fitting into a box without ever leaving it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from msgspec import Struct
from PIL import Image, ImageDraw

from veospec.media import fonts
from veospec.media.fonts import EMOJI_STRIKE_PX, Face

_LEADING = 1.32
_ELLIPSIS = "…"
_LONGEST = 20_000
# Characters that may not begin or end a line in Chinese and Japanese. Source: JIS X 4051:2004, 4.3 (the common ones).
_NOT_FIRST = frozenset("、。，．：；？！）］｝〉》」』】〕’”ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ)]},.!?:;…")
_NOT_LAST = frozenset("（［｛〈《「『【〔‘“([{")


class Style(Struct, frozen=True):
    """A size in pixels, a weight (`regular` or `bold`), and extra space between letters in pixels."""

    size: int
    weight: str = "regular"
    spacing: float = 0.0

    @property
    def line_height(self) -> int:
        """The distance of two base lines."""
        return round(self.size * _LEADING)


class Block(Struct, frozen=True):
    """Wrapped text: what `fit` found to fit into a box."""

    lines: tuple[str, ...]
    style: Style

    @property
    def height(self) -> int:
        """The height of all lines."""
        return len(self.lines) * self.style.line_height

    @property
    def width(self) -> int:
        """The width of the longest line."""
        return max((measure(line, self.style) for line in self.lines), default=0)


class _Run(Struct, frozen=True):
    text: str
    face: Face
    rtl: bool


def clean(text: str) -> str:
    """Return the text in one form (NFC) without control characters; tabs and line ends become spaces."""
    flat = "".join(" " if c in "\t\n\r\v\f\u2028\u2029" else c for c in unicodedata.normalize("NFC", text))
    kept = (c for c in flat if unicodedata.category(c) not in ("Cc", "Cs", "Cf") or fonts.is_joiner(c))
    return " ".join("".join(kept).split())


@lru_cache(maxsize=4096)
def measure(line: str, style: Style) -> int:
    """Return the width of one line in pixels, rounded up."""
    width = sum(_run_width(run, style) for run in _runs(line, style.weight))
    return int(width + style.spacing * max(0, len(line) - 1) + 0.999)


def draw_line(canvas: Image.Image, at: tuple[int, int], line: str, style: Style, fill: tuple[int, ...]) -> int:
    """Draw one line with its base line at `at`; return its width."""
    pen = ImageDraw.Draw(canvas)
    x, y = float(at[0]), at[1]
    for run in _runs(line, style.weight):
        if run.face.is_bitmap:
            x += _draw_emoji(canvas, (round(x), y), run, style)
        elif style.spacing and not run.rtl:
            for character in run.text:
                pen.text((x, y), character, fill, fonts.loaded(run.face, style.size), anchor="ls")
                x += fonts.loaded(run.face, style.size).getlength(character) + style.spacing
        else:
            shaped = fonts.can_shape()
            text = run.text if shaped or not run.rtl else run.text[::-1]
            font = fonts.loaded(run.face, style.size)
            pen.text((x, y), text, fill, font, anchor="ls", direction=("rtl" if run.rtl else "ltr") if shaped else None)
            x += _run_width(run, style)
    return round(x - at[0])


def draw_block(
    canvas: Image.Image, box: tuple[int, int, int], block: Block, fill: tuple[int, ...], *, centred: bool = False
) -> int:
    """Draw wrapped text into (left, top, width); right-to-left lines stand at the right. Return the bottom."""
    left, top, width = box
    style = block.style
    y = top + round(style.size * 1.02)
    for line in block.lines:
        room = width - measure(line, style)
        x = left + (room // 2 if centred else room if is_rtl(line) else 0)
        draw_line(canvas, (x, y), line, style, fill)
        y += style.line_height
    return top + block.height


def fit(text: str, width: int, height: int, sizes: tuple[int, ...], weight: str = "regular") -> Block:
    """Wrap at the largest of `sizes` at which everything fits; at the smallest, cut off with an ellipsis."""
    words = clean(text[:_LONGEST])
    # No script sets more than three signs into the square of its size; what is beyond cannot be seen at any size.
    words = words[: 60 + 3 * width * height // (sizes[-1] * sizes[-1])]
    block = Block((), Style(sizes[-1], weight))
    for size in sizes:
        style = Style(size, weight)
        block = Block(wrap(words, width, style), style)
        if block.height <= height:
            return block
    room = max(1, height // block.style.line_height)
    kept = list(block.lines[:room])
    kept[-1] = shorten(kept[-1] + _ELLIPSIS, width, block.style)
    return Block(tuple(kept), block.style)


def shorten(line: str, width: int, style: Style) -> str:
    """Return the line, cut with an ellipsis where it is wider than `width`."""
    if measure(line, style) <= width:
        return line
    kept = line.rstrip(_ELLIPSIS)
    while kept and measure(kept.rstrip() + _ELLIPSIS, style) > width:
        kept = kept[:-1]
    return kept.rstrip() + _ELLIPSIS


def wrap(text: str, width: int, style: Style) -> tuple[str, ...]:
    """Break a cleaned text into lines no wider than `width`."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if not line or measure((line + piece).rstrip(), style) <= width:
            line += piece
        else:
            lines.append(line.rstrip())
            line = piece.lstrip()
        while len(line) > 1 and _is_wider(line.rstrip(), width, style):
            head = _longest_head(line, width, style)
            lines.append(line[:head].rstrip())
            line = line[head:].lstrip()
    if line.strip():
        lines.append(line.rstrip())
    return tuple(lines)


def _is_wider(line: str, width: int, style: Style) -> bool:
    """Compare a line with a width; of a very long one, first the part that would fill it with narrow letters."""
    part = 8 + 5 * width // style.size
    return (len(line) > part and measure(line[:part], style) > width) or measure(line, style) > width


def _longest_head(line: str, width: int, style: Style) -> int:
    low, high = 1, min(len(line), 8)
    while high < len(line) and measure(line[:high], style) <= width:
        low, high = high, min(len(line), 2 * high)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(line[:middle], style) <= width:
            low = middle
        else:
            high = middle - 1
    while low > 1 and low < len(line) and (unicodedata.combining(line[low]) or fonts.is_joiner(line[low])):
        low -= 1
    return low


def _pieces(text: str) -> list[str]:
    """Cut where a line may break: after spaces and hyphens, and between wide characters."""
    pieces: list[str] = []
    start = 0
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        if after == " ":
            continue
        wide = unicodedata.east_asian_width(before) in "WF" or unicodedata.east_asian_width(after) in "WF"
        glued = after in _NOT_FIRST or before in _NOT_LAST or fonts.is_joiner(after) or fonts.is_joiner(before)
        if before in " -–—/" or (wide and not glued and not _is_modifier(after)):
            pieces.append(text[start:at])
            start = at
    pieces.append(text[start:])
    return pieces


def _is_modifier(character: str) -> bool:
    return unicodedata.combining(character) != 0 or 0x1F3FB <= ord(character) <= 0x1F3FF


# -- direction and fonts ----------------------------------------------------------------------------------


def is_rtl(text: str) -> bool:
    """Tell whether the first letter with a direction runs right to left."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return False


@lru_cache(maxsize=4096)
def _runs(line: str, weight: str) -> tuple[_Run, ...]:
    """Split a line into runs in the order in which they are seen, from left to right.

    Two levels of direction, which is what a caption or a prompt needs: phrases of the other direction inside a line.
    """
    base = is_rtl(line)
    phrases = _phrases(line, rtl_base=base)
    seen: list[_Run] = []
    for phrase, rtl in reversed(phrases) if base else phrases:
        parts = _by_font(phrase, weight, rtl=rtl)
        seen.extend(reversed(parts) if rtl else parts)
    return tuple(seen)


def _phrases(line: str, *, rtl_base: bool) -> list[tuple[str, bool]]:
    """Cut a line by direction. Neutral characters join their neighbours when these agree, else the line."""
    levels: list[bool | None] = []
    for character in line:
        kind = unicodedata.bidirectional(character)
        levels.append(True if kind in ("R", "AL") else False if kind in ("L", "EN", "AN") else None)
    for at, level in enumerate(levels):
        if level is None:
            before = levels[at - 1] if at else rtl_base
            after = next((known for known in levels[at + 1 :] if known is not None), rtl_base)
            levels[at] = before if before == after else rtl_base
    phrases: list[tuple[str, bool]] = []
    for character, level in zip(line, levels, strict=True):
        rtl = bool(level)
        if phrases and phrases[-1][1] == rtl:
            phrases[-1] = (phrases[-1][0] + character, rtl)
        else:
            phrases.append((character, rtl))
    return phrases


def _by_font(phrase: str, weight: str, *, rtl: bool) -> list[_Run]:
    parts: list[_Run] = []
    for character in phrase:
        last = parts[-1] if parts else None
        follows = last is not None and (
            fonts.is_joiner(character)
            or _is_modifier(character)
            or (not last.face.is_bitmap and not character.isascii() and fonts.has(last.face, ord(character)))
            or (character == " " and not last.face.is_bitmap and fonts.has(last.face, ord(character)))
        )
        if follows and last is not None:
            parts[-1] = _Run(last.text + character, last.face, rtl)
            continue
        face = fonts.face_for(character, weight)
        shown = character if face is not None else fonts.REPLACEMENT
        chosen = face or fonts.shipped(weight)
        if last is not None and last.face == chosen:
            parts[-1] = _Run(last.text + shown, chosen, rtl)
        else:
            parts.append(_Run(shown, chosen, rtl))
    return parts


def _run_width(run: _Run, style: Style) -> float:
    font = fonts.loaded(run.face, style.size)
    if run.face.is_bitmap:
        return font.getlength(run.text) * style.size * 1.1 / EMOJI_STRIKE_PX
    if run.rtl and fonts.can_shape():
        return font.getlength(run.text, direction="rtl")
    return font.getlength(run.text)


def _draw_emoji(canvas: Image.Image, at: tuple[int, int], run: _Run, style: Style) -> float:
    """Draw colour bitmaps at their one size and lay them on the canvas at ours."""
    font = fonts.loaded(run.face, style.size)
    full = max(1, round(font.getlength(run.text)))
    strip = Image.new("RGBA", (full, EMOJI_STRIKE_PX + 24))
    ImageDraw.Draw(strip).text((0, EMOJI_STRIKE_PX), run.text, font=font, embedded_color=True, anchor="ls")
    ratio = style.size * 1.1 / EMOJI_STRIKE_PX
    small = strip.resize((max(1, round(full * ratio)), max(1, round(strip.height * ratio))), Image.Resampling.LANCZOS)
    canvas.paste(small, (at[0], at[1] - round(EMOJI_STRIKE_PX * ratio)), small)
    return full * ratio
