"""Draws the small inputs of this storyboard: `python make_inputs.py` writes refs/ and plates/ again, byte for byte.

Needs pillow and av. Everything is drawn, nothing is a photograph, so that the pictures can be shared freely.
"""

from __future__ import annotations

from fractions import Fraction
from math import pi, sin
from pathlib import Path
from random import Random

import av
from PIL import Image, ImageChops, ImageDraw, ImageFilter

HERE = Path(__file__).parent
SCALE = 2


def shaded(size: tuple[int, int], top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    ramp = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        part = y / (size[1] - 1)
        ramp.putpixel((0, y), tuple(round(a + (b - a) * part) for a, b in zip(top, bottom, strict=True)))
    return ramp.resize(size)


def lit(picture: Image.Image, at: tuple[int, int], radius: int, colour: tuple[int, int, int], power: int) -> None:
    glow = Image.new("L", picture.size)
    ImageDraw.Draw(glow).ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=power)
    picture.paste(Image.new("RGB", picture.size, colour), mask=glow.filter(ImageFilter.GaussianBlur(radius * 0.6)))


def ada_front(size: tuple[int, int] = (768, 1024)) -> Image.Image:
    """A ferry engineer in her fifties: cropped grey hair, orange work coat, neutral studio."""
    w, h = size[0] * SCALE, size[1] * SCALE
    picture = shaded((w, h), (134, 138, 142), (88, 91, 96))
    lit(picture, (round(w * 0.3), round(h * 0.28)), w // 3, (196, 198, 200), 150)
    pen = ImageDraw.Draw(picture)

    def oval(x: float, y: float, rx: float, ry: float, fill: tuple[int, int, int]) -> None:
        pen.ellipse(((x - rx) * w, (y - ry) * h, (x + rx) * w, (y + ry) * h), fill=fill)

    coat, coat_dark, coat_light = (206, 98, 36), (158, 70, 26), (228, 126, 58)
    skin, skin_dark = (206, 162, 134), (178, 132, 106)
    hair, hair_light = (128, 130, 134), (168, 170, 173)
    pen.polygon([(w * x, h * y) for x, y in
                 ((0.10, 1.0), (0.14, 0.72), (0.24, 0.62), (0.40, 0.57), (0.60, 0.57), (0.76, 0.62), (0.86, 0.72), (0.90, 1.0))], fill=coat)
    pen.polygon([(w * x, h * y) for x, y in ((0.86, 0.72), (0.90, 1.0), (0.70, 1.0), (0.74, 0.78))], fill=coat_dark)
    pen.polygon([(w * x, h * y) for x, y in ((0.14, 0.72), (0.10, 1.0), (0.26, 1.0), (0.25, 0.78))], fill=coat_light)
    pen.rounded_rectangle((w * 0.43, h * 0.44, w * 0.57, h * 0.62), radius=w * 0.05, fill=skin_dark)
    pen.polygon([(w * x, h * y) for x, y in ((0.40, 0.57), (0.60, 0.57), (0.50, 0.70))], fill=(44, 52, 64))
    for side in (-1, 1):
        pen.polygon([(w * (0.5 + side * x), h * y) for x, y in ((0.10, 0.555), (0.17, 0.60), (0.03, 0.75), (0.0, 0.70))], fill=coat_light)
    pen.line((w * 0.5, h * 0.72, w * 0.5, h), fill=coat_dark, width=w // 90)
    for y in (0.80, 0.90):
        pen.rectangle((w * 0.14, h * y, w * 0.47, h * (y + 0.022)), fill=(214, 214, 206))
        pen.rectangle((w * 0.53, h * y, w * 0.86, h * (y + 0.022)), fill=(196, 196, 190))
    oval(0.5, 0.315, 0.178, 0.158, hair)
    oval(0.5, 0.35, 0.150, 0.150, skin)
    pen.chord((w * 0.335, h * 0.165, w * 0.665, h * 0.40), 180, 360, fill=hair)
    for n in range(7):
        x = 0.39 + n * 0.037
        pen.arc((w * (x - 0.05), h * 0.18, w * (x + 0.05), h * 0.33), 205, 265, fill=hair_light, width=w // 260)
    for side in (-1, 1):
        oval(0.5 + side * 0.155, 0.36, 0.022, 0.032, skin_dark)
        oval(0.5 + side * 0.062, 0.352, 0.026, 0.0125, (238, 232, 224))
        oval(0.5 + side * 0.062, 0.352, 0.0115, 0.0115, (60, 72, 82))
        x = 0.5 + side * 0.062
        pen.arc((w * (x - 0.034), h * 0.320, w * (x + 0.034), h * 0.356), 200, 340, fill=(112, 110, 110), width=w // 130)
        pen.arc((w * (x - 0.03), h * 0.352, w * (x + 0.03), h * 0.382), 20, 160, fill=skin_dark, width=w // 220)
    pen.polygon([(w * x, h * y) for x, y in ((0.5, 0.355), (0.522, 0.408), (0.49, 0.410))], fill=skin_dark)
    pen.arc((w * 0.455, h * 0.405, w * 0.545, h * 0.445), 25, 155, fill=(146, 84, 76), width=w // 110)
    for side in (-1, 1):
        pen.arc((w * (0.5 + side * 0.09 - 0.03), h * 0.39, w * (0.5 + side * 0.09 + 0.03), h * 0.45), 120, 200, fill=skin_dark, width=w // 260)
    return finished(picture, size, 11)


def thermos(size: tuple[int, int] = (1024, 768)) -> Image.Image:
    """A dented steel thermos with a green band on a shelf."""
    w, h = size[0] * SCALE, size[1] * SCALE
    picture = shaded((w, h), (46, 54, 62), (28, 32, 38))
    lit(picture, (round(w * 0.34), round(h * 0.3)), w // 5, (226, 190, 132), 120)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, h * 0.83, w, h), fill=(58, 62, 66))
    pen.rectangle((0, h * 0.83, w, h * 0.84), fill=(112, 116, 118))
    for n in range(9):
        x = w * (0.06 + 0.11 * n)
        pen.ellipse((x - 14, h * 0.91 - 14, x + 14, h * 0.91 + 14), fill=(82, 86, 90))
    left, right, top, foot = w * 0.415, w * 0.585, h * 0.30, h * 0.845
    for n in range(round(right - left)):
        part = n / (right - left)
        light = 70 + 150 * max(0.0, sin(part * pi)) ** 1.5 * (0.55 + 0.45 * sin(part * 2.6 + 0.7))
        green = part_mix((24, 74, 62), (74, 150, 122), light / 220)
        x = left + n
        pen.line((x, top, x, foot), fill=(round(light), round(light * 1.01), round(light * 1.03)))
        pen.line((x, h * 0.52, x, h * 0.66), fill=green)
        pen.line((x, h * 0.17, x, h * 0.285), fill=tuple(round(c * 0.82) for c in part_mix((22, 30, 30), (86, 104, 100), light / 220)))
    pen.polygon([(left, top), (w * 0.445, h * 0.275), (w * 0.555, h * 0.275), (right, top)], fill=(150, 152, 154))
    pen.rectangle((left, h * 0.515, right, h * 0.523), fill=(210, 208, 196))
    pen.rectangle((left, h * 0.657, right, h * 0.665), fill=(210, 208, 196))
    pen.ellipse((w * 0.445, h * 0.72, w * 0.478, h * 0.775), fill=(112, 114, 117))
    pen.ellipse((w * 0.449, h * 0.722, w * 0.480, h * 0.770), fill=(140, 142, 145))
    shadow = Image.new("L", (w, h))
    ImageDraw.Draw(shadow).ellipse((w * 0.42, h * 0.83, w * 0.76, h * 0.875), fill=150)
    picture.paste(Image.new("RGB", (w, h), (16, 18, 20)), mask=shadow.filter(ImageFilter.GaussianBlur(w // 90)))
    return finished(picture, size, 12)


def part_mix(first: tuple[int, int, int], second: tuple[int, int, int], part: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * min(1.0, part)) for a, b in zip(first, second, strict=True))


HULL, BAND, HOUSE, LAMP = (24, 42, 66), (196, 60, 44), (232, 226, 210), (242, 190, 96)


def ferry_livery(size: tuple[int, int] = (1280, 720)) -> Image.Image:
    """A livery sheet: side and bow of a small car ferry, with its colours as chips."""
    w, h = size[0] * SCALE, size[1] * SCALE
    picture = Image.new("RGB", (w, h), (236, 231, 219))
    pen = ImageDraw.Draw(picture)
    for x in range(0, w, w // 32):
        pen.line((x, 0, x, h), fill=(224, 218, 205), width=2)
    for y in range(0, h, w // 32):
        pen.line((0, y, w, y), fill=(224, 218, 205), width=2)

    def shape(points: tuple[tuple[float, float], ...], fill: tuple[int, int, int]) -> None:
        pen.polygon([(w * x, h * y) for x, y in points], fill=fill)

    shape(((0.07, 0.50), (0.66, 0.50), (0.63, 0.62), (0.11, 0.62)), HULL)
    shape(((0.07, 0.50), (0.66, 0.50), (0.6555, 0.52), (0.0755, 0.52)), BAND)
    shape(((0.22, 0.36), (0.52, 0.36), (0.53, 0.50), (0.20, 0.50)), HOUSE)
    shape(((0.31, 0.25), (0.42, 0.25), (0.43, 0.36), (0.30, 0.36)), HOUSE)
    shape(((0.305, 0.245), (0.425, 0.245), (0.425, 0.258), (0.305, 0.258)), BAND)
    shape(((0.455, 0.28), (0.49, 0.28), (0.49, 0.36), (0.455, 0.36)), HULL)
    shape(((0.455, 0.30), (0.49, 0.30), (0.49, 0.318), (0.455, 0.318)), BAND)
    pen.line((w * 0.365, h * 0.25, w * 0.365, h * 0.13), fill=HULL, width=w // 300)
    pen.line((w * 0.335, h * 0.17, w * 0.395, h * 0.17), fill=HULL, width=w // 400)
    for n in range(8):
        x = 0.225 + n * 0.037
        pen.rounded_rectangle((w * x, h * 0.405, w * (x + 0.024), h * 0.445), radius=8, fill=HULL)
    for n in range(4):
        x = 0.312 + n * 0.0265
        pen.rectangle((w * x, h * 0.275, w * (x + 0.021), h * 0.32), fill=LAMP)
    shape(((0.66, 0.50), (0.70, 0.425), (0.703, 0.43), (0.668, 0.502)), HULL)
    shape(((0.07, 0.50), (0.03, 0.425), (0.027, 0.43), (0.062, 0.502)), HULL)
    for n in range(26):
        x = 0.04 + n * 0.026
        pen.arc((w * x, h * 0.615, w * (x + 0.026), h * 0.64), 0, 180, fill=(120, 146, 158), width=4)
    shape(((0.77, 0.46), (0.93, 0.46), (0.915, 0.62), (0.785, 0.62)), HULL)
    shape(((0.77, 0.46), (0.93, 0.46), (0.928, 0.482), (0.772, 0.482)), BAND)
    shape(((0.785, 0.33), (0.915, 0.33), (0.92, 0.46), (0.78, 0.46)), HOUSE)
    shape(((0.80, 0.24), (0.90, 0.24), (0.905, 0.33), (0.795, 0.33)), HOUSE)
    for n in range(3):
        pen.rectangle((w * (0.808 + n * 0.030), h * 0.262, w * (0.832 + n * 0.030), h * 0.305), fill=LAMP)
    shape(((0.815, 0.50), (0.885, 0.50), (0.88, 0.60), (0.82, 0.60)), (60, 78, 102))
    for n, colour in enumerate((HULL, BAND, HOUSE, LAMP, (120, 146, 158))):
        x = 0.07 + n * 0.115
        pen.rounded_rectangle((w * x, h * 0.75, w * (x + 0.095), h * 0.88), radius=18, fill=colour, outline=(90, 88, 84), width=3)
    return finished(picture, size, 13, grain=3)


def finished(picture: Image.Image, size: tuple[int, int], seed: int, grain: int = 6) -> Image.Image:
    small = picture.resize(size, Image.Resampling.LANCZOS)
    noise = Image.frombytes("L", size, Random(seed).randbytes(size[0] * size[1])).filter(ImageFilter.GaussianBlur(0.8))
    grey = noise.point([level * grain // 256 for level in range(256)])
    return ImageChops.subtract(small, Image.merge("RGB", (grey, grey, grey)), offset=grain // 2)


def wheelhouse(size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """The harbour outside, and the wheelhouse around it as a cut-out: they move against each other."""
    w, h = size
    wide = round(w * 1.3)
    outside = shaded((wide, h), (8, 13, 26), (30, 46, 66))
    pen = ImageDraw.Draw(outside)
    water = round(h * 0.52)
    pen.rectangle((0, water, wide, h), fill=(9, 15, 25))
    lights = Random(21)
    for _ in range(46):
        x, y = lights.randrange(wide), water - lights.randrange(4, round(h * 0.10))
        colour = lights.choice(((250, 196, 110), (246, 226, 190), (220, 90, 70)))
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        dim = tuple(part // 3 for part in colour)
        pen.line((x, water + (water - y), x, water + (water - y) + lights.randrange(12, 70)), fill=dim, width=2)
    outside = Image.blend(outside, outside.filter(ImageFilter.GaussianBlur(5)), 0.5)
    room = Image.new("RGBA", (wide, h), (0, 0, 0, 0))
    pen = ImageDraw.Draw(room)
    steel, dark = (34, 38, 42, 255), (18, 20, 23, 255)
    pen.rectangle((0, 0, wide, h * 0.12), fill=dark)
    pen.rectangle((0, h * 0.68, wide, h), fill=dark)
    for x in (0.06, 0.36, 0.66, 0.95):
        pen.rectangle((wide * x - 12, 0, wide * x + 12, h), fill=steel)
    pen.polygon([(wide * 0.1, h), (wide * 0.16, h * 0.72), (wide * 0.84, h * 0.72), (wide * 0.9, h)], fill=steel)
    for n in range(7):
        x, y, r = wide * (0.24 + n * 0.09), h * 0.84, h * 0.05
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(52, 58, 60, 255), outline=(140, 138, 128, 255), width=2)
        pen.line((x, y, x + r * 0.7 * sin(n), y - r * 0.6), fill=(240, 190, 100, 255), width=3)
    x, y, r = wide * 0.52, h * 0.70, h * 0.16
    pen.ellipse((x - r, y - r, x + r, y + r), outline=(96, 70, 46, 255), width=12)
    for n in range(6):
        pen.line((x, y, x + r * sin(n * pi / 3), y + r * sin(n * pi / 3 + pi / 2)), fill=(86, 62, 42, 255), width=7)
    coat = (52, 58, 68, 255)
    pen.ellipse((wide * 0.50 - h * 0.075, h * 0.25, wide * 0.50 + h * 0.075, h * 0.44), fill=(46, 40, 38, 255))
    pen.chord((wide * 0.50 - h * 0.085, h * 0.225, wide * 0.50 + h * 0.085, h * 0.37), 180, 360, fill=(26, 28, 34, 255))
    pen.polygon([(wide * 0.50 + h * a, h * b) for a, b in
                 ((-0.21, 1.0), (-0.20, 0.58), (-0.12, 0.46), (0.12, 0.46), (0.20, 0.58), (0.21, 1.0))], fill=coat)
    pen.line((wide * 0.50 - h * 0.17, h * 0.60, wide * 0.47, h * 0.69), fill=coat, width=round(h * 0.055))
    pen.line((wide * 0.50 + h * 0.17, h * 0.60, wide * 0.56, h * 0.69), fill=coat, width=round(h * 0.055))
    return outside, room


def plate(path: Path, size: tuple[int, int] = (960, 540), frames: int = 204, fps: int = 24) -> None:
    """A phone's view of a man at the wheel at night: handheld, 8.5 s, with the hum of a diesel."""
    outside, room = wheelhouse(size)
    options = {"preset": "slow", "crf": "29", "x264-params": "threads=1:cpu-independent=1"}
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
        film = out.add_stream("libx264", rate=fps, options=options)
        film.width, film.height, film.pix_fmt = *size, "yuv420p"
        context = film.codec_context
        context.thread_count = 1
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        sound = out.add_stream("aac", rate=48_000)
        sound.codec_context.layout, sound.codec_context.bit_rate = "stereo", 64_000
        sound.codec_context.format = "fltp"
        slack = outside.width - size[0]
        for n in range(frames):
            sway = sin(n / fps * 1.1) * 0.35 + sin(n / fps * 2.9 + 1) * 0.06
            near, far = slack / 2 * (1 + sway), slack / 2 * (1 + sway * 0.55)
            bob = 4 + 3 * sin(n / fps * 1.7)
            def cut(layer: Image.Image, x: float) -> Image.Image:
                box = (x, bob, x + size[0] - 14 * size[0] / size[1], bob + size[1] - 14)
                return layer.resize(size, Image.Resampling.BILINEAR, box=box)
            picture = cut(outside, far)
            front = cut(room, near)
            picture.paste(front, (0, 0), front)
            frame = av.VideoFrame.from_image(picture).reformat(
                format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709",
                src_color_range="JPEG", dst_color_range="MPEG")
            frame.pts, frame.time_base = n, Fraction(1, fps)
            out.mux(film.encode(frame))
        out.mux(film.encode(None))
        for packet in hum(sound, frames * 48_000 // fps):
            out.mux(packet)


def hum(sound: av.AudioStream, samples: int) -> list[av.Packet]:
    graph = av.filter.Graph()
    wave = "0.05*sin(2*PI*46*t)*(1+0.3*sin(2*PI*7.6*t))+0.02*sin(2*PI*138*t)"
    source = graph.add("aevalsrc", f"'{wave}|{wave}':d={samples / 48_000}:s=48000")
    shape = graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo")
    cut = graph.add("asetnsamples", "n=1024:p=0")
    sink = graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(cut)
    cut.link_to(sink)
    graph.configure()
    packets = []
    while True:
        try:
            packets += sound.encode(graph.pull())
        except av.error.EOFError:
            return packets + sound.encode(None)


def main() -> None:
    (HERE / "refs").mkdir(exist_ok=True)
    (HERE / "plates").mkdir(exist_ok=True)
    ada_front().quantize(128, dither=Image.Dither.NONE).save(HERE / "refs/ada-front.png", optimize=True)
    thermos().save(HERE / "refs/thermos.jpg", quality=88, optimize=True)
    ferry_livery().quantize(64, dither=Image.Dither.NONE).save(HERE / "refs/ferry-livery.png", optimize=True)
    plate(HERE / "plates/wheelhouse-phone.mp4")


if __name__ == "__main__":
    main()
