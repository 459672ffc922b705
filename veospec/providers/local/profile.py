"""The pure half of the local provider: what decides the bytes of a drawing. Knows no file and draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from msgspec import Struct

from veospec.model import FREE, Burn, Character, Cost, FileSource, Mode, Node, NodeSource, OwnVoice, PresetVoice, Source
from veospec.providers.base import Json

RENDERER_VERSION = 2
"""Raised whenever the same order would give other bytes; every slate is then drawn again, free."""

DRAWN_MODES = (Mode.T2V, Mode.I2V, Mode.I2V_FL, Mode.R2V, Mode.V2V, Mode.EXTEND)


class LocalProfile(Struct, frozen=True):
    """How slates are drawn: frames a second, size (`720p` is the short side), and what moves."""

    fps: int = 24
    animatic_size: str = "720p"
    ken_burns: bool = True
    timecode: bool = True
    name: str = "local"
    is_remote: bool = False

    def document(self, node: Node, take: int) -> Mapping[str, Json]:
        """Return what decides the bytes of a take: names and words are in the picture, so they count here.

        Upscales and joins draw nothing of their own: their source and the request decide everything.
        """
        mode = node.request.mode
        if mode in DRAWN_MODES:
            return {
                "renderer": RENDERER_VERSION,
                "fps": self.fps,
                "size": self.animatic_size,
                "ken_burns": self.ken_burns,
                "timecode": self.timecode,
                "take": take,
                "name": node.name,
                "burn": _burn(node.burn),
                "labels": _labels(node),
            }
        if mode is Mode.IMAGE:
            return {"renderer": RENDERER_VERSION, "take": take, "name": node.name, "labels": _labels(node)}
        return {"renderer": RENDERER_VERSION, "fps": self.fps} if mode is Mode.JOIN else {"renderer": RENDERER_VERSION}

    def price(self, node: Node) -> Cost:
        """Return the price of a drawing: none."""
        del node
        return FREE

    def preview(self, node: Node, take: int) -> Mapping[str, Json]:
        """Return what would be drawn, in words that a person can check."""
        request = node.request
        shown: dict[str, Json] = {
            "renderer": "local",
            "draws": _DRAWINGS[request.mode],
            "aspect": request.aspect,
            "seed": request.seed + take - 1,
            "inputs": {entry.slot: label_of(entry.source) for entry in request.inputs},
        }
        if request.duration is not None:
            shown |= {"frames": frames_of(request.duration, self.fps), "fps": self.fps, "size": self.animatic_size}
        if request.resolution:
            shown["resolution"] = request.resolution
        return {**shown, "prompt": request.prompt}


_DRAWINGS = {
    Mode.T2V: "a text slate",
    Mode.I2V: "a camera move over the start picture",
    Mode.I2V_FL: "a slow dissolve from the first to the last picture",
    Mode.R2V: "a board of the references",
    Mode.V2V: "the plate with an edit band",
    Mode.EXTEND: "the end of the source, continued",
    Mode.IMAGE: "a title card in place of the picture",
    Mode.UPSCALE: "the source, rescaled",
    Mode.JOIN: "source and extension as one clip",
}


def frames_of(duration: Fraction, fps: int) -> int:
    """Return the whole frames of a length, at least one."""
    return max(1, int(duration * fps))


def label_of(source: Source) -> str:
    """Return the name under which a source is shown to people."""
    match source:
        case FileSource(path=path, asset=asset):
            return asset or path.rsplit("/", 1)[-1]
        case NodeSource(node=node):
            return node.removeprefix("still:").split("@", 1)[0]
        case Character(name=name, display_name=display_name):
            return display_name or name
        case PresetVoice(name=name) | OwnVoice(name=name):
            return name


def _labels(node: Node) -> Mapping[str, Json]:
    return {entry.slot: label_of(entry.source) for entry in node.request.inputs}


def _burn(burn: Burn) -> Mapping[str, Json]:
    return {
        "code": burn.code,
        "scene": burn.scene,
        "slug": burn.slug,
        "shot": burn.shot,
        "size": burn.size,
        "move": burn.move,
        "text": burn.text,
        "continues": burn.continues,
        "captions": [[c.who, c.line, str(c.at), str(c.until)] for c in burn.captions],
    }
