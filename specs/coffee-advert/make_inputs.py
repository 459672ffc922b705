"""Draws the product picture of this storyboard: `python make_inputs.py` writes refs/cup.png again, byte for byte."""

from __future__ import annotations

from math import pi, sin
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent
SIDE = 900
SCALE = 2
CLAY, GLAZE, COFFEE = (186, 120, 84), (236, 226, 208), (58, 34, 22)


def mixed(first: tuple[int, int, int], second: tuple[int, int, int], part: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * part) for a, b in zip(first, second, strict=True))


def cup() -> Image.Image:
    """A stoneware cup with a raw clay foot, on a plain warm ground."""
    s = SIDE * SCALE
    picture = Image.new("RGB", (s, s), (222, 206, 186))
    glow = Image.new("L", (s, s))
    ImageDraw.Draw(glow).ellipse((s * 0.05, s * -0.1, s * 0.75, s * 0.6), fill=150)
    picture.paste((246, 236, 220), mask=glow.filter(ImageFilter.GaussianBlur(s // 8)))
    shadow = Image.new("L", (s, s))
    ImageDraw.Draw(shadow).ellipse((s * 0.30, s * 0.70, s * 0.90, s * 0.80), fill=120)
    picture.paste((120, 96, 78), mask=shadow.filter(ImageFilter.GaussianBlur(s // 40)))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((s * 0.63, s * 0.42, s * 0.83, s * 0.64), outline=mixed(GLAZE, (120, 104, 90), 0.35), width=s // 28)
    left, right = 0.28, 0.72
    for n in range(round((right - left) * s)):
        part = n / ((right - left) * s)
        x = s * left + n
        light = 0.35 + 0.65 * max(0.0, sin((part * 0.9 + 0.12) * pi)) ** 1.2
        lower = 0.70 + 0.055 * sin(part * pi)
        inset = 0.018 * (abs(part * 2 - 1) ** 8)
        pen.line((x, s * 0.36, x, s * (lower - inset)), fill=mixed((122, 108, 96), GLAZE, light))
        pen.line((x, s * (lower - 0.085), x, s * (lower - inset)), fill=mixed((96, 56, 36), CLAY, light))
    rim = (s * left, s * 0.31, s * right, s * 0.41)
    pen.ellipse(rim, fill=mixed(GLAZE, (255, 250, 240), 0.6))
    pen.ellipse((rim[0] + s * 0.018, rim[1] + s * 0.010, rim[2] - s * 0.018, rim[3] - s * 0.006), fill=(150, 132, 114))
    pen.ellipse((rim[0] + s * 0.03, rim[1] + s * 0.026, rim[2] - s * 0.03, rim[3] - s * 0.008), fill=COFFEE)
    pen.arc((rim[0] + s * 0.05, rim[1] + s * 0.034, rim[2] - s * 0.05, rim[3] - s * 0.014), 30, 110, fill=(150, 100, 66), width=s // 150)
    steam = Image.new("L", (s, s))
    soft = ImageDraw.Draw(steam)
    for k in range(3):
        points = [(s * (0.42 + 0.08 * k + 0.025 * sin(n / 9 + k * 2)), s * (0.33 - n / 300)) for n in range(70)]
        soft.line(points, fill=70, width=s // 45, joint="curve")
    picture.paste((255, 252, 246), mask=steam.filter(ImageFilter.GaussianBlur(s // 60)))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    (HERE / "refs").mkdir(exist_ok=True)
    cup().save(HERE / "refs/cup.png", optimize=True)
