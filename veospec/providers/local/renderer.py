"""The drawing half of the local provider: one order in, one picture or clip out, always with the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

from msgspec import Struct

from veospec.errors import MediaError
from veospec.media import animatic, board, fonts, frames, join, rescale
from veospec.media.animatic import Moved
from veospec.media.layout import enlarged, film_size, still_size
from veospec.media.moves import WHOLE, View, path_of
from veospec.media.probe import probe
from veospec.media.slate import Card
from veospec.model import Character, FileSource, MediaFacts, Mode, Node, NodeSource
from veospec.providers.base import Material, Order
from veospec.providers.local.profile import LocalProfile, frames_of, label_of

EDIT_RATE = 24
"""The rate on which an edit's window counts frames. Source: useapi.net Google Flow API v1, POST /videos, June 2026."""


class LocalRenderer(Struct, frozen=True):
    """Draws what a `LocalProfile` describes."""

    profile: LocalProfile

    def render(self, order: Order, target: Path) -> None:
        """Draw the one take of the order into `target`; on failure nothing lies there. Raises `MediaError`."""
        assert len(order.takes) == 1
        draw = _DRAWN[order.node.request.mode]
        try:
            draw(self.profile, order, {m.entry.slot: m for m in order.materials}, target)
        except MediaError as failed:
            target.unlink(missing_ok=True)
            raise MediaError(f"{order.node.id}: {_named(failed.message, order)}", failed.hint) from failed
        except OSError as failed:
            target.unlink(missing_ok=True)
            raise MediaError(f"{order.node.id}: cannot write {target.name}: {failed.strerror}") from failed

    def notices(self, node: Node) -> tuple[str, ...]:
        """Return what a person should know before a node is drawn: characters that no font here can show."""
        burn = node.burn
        texts = [node.name, burn.code, burn.scene, burn.slug, burn.size, burn.move, burn.text or node.request.prompt]
        texts += [text for caption in burn.captions for text in (caption.who, caption.line)]
        texts += [label_of(entry.source) for entry in node.request.inputs]
        notice = fonts.missing_notice(*texts)
        return (f"{node.id}: {notice}",) if notice else ()


def _named(message: str, order: Order) -> str:
    """Name an input as the storyboard does: what is drawn from are copies, and those are named by their digests."""
    for material in order.materials:
        for part in (material, *material.parts):
            source = part.entry.source
            if isinstance(source, FileSource) and part.path is not None and part.path.name in message:
                return f"{message.replace(part.path.name, source.path)} (named at {part.entry.location})"
    return message


def _card(profile: LocalProfile, order: Order) -> Card:
    node, burn = order.node, order.node.burn
    assert node.request.duration is not None
    return Card(
        code=burn.code,
        scene=burn.scene,
        heading=burn.slug,
        shot=burn.shot or node.name,
        take=order.takes[0],
        mode=node.request.mode.value,
        size=burn.size,
        move=burn.move,
        words=burn.text or node.request.prompt,
        continues=burn.continues,
        captions=burn.captions,
        seed=order.seed,
        fps=profile.fps,
        frames=frames_of(node.request.duration, profile.fps),
        timecode=profile.timecode,
        band="EDIT" if node.request.mode is Mode.V2V else "",
    )


def _size(profile: LocalProfile, order: Order) -> tuple[int, int]:
    return film_size(order.node.request.aspect, profile.animatic_size)


def _file(materials: Mapping[str, Material], slot: str) -> Path:
    found = materials.get(slot)
    if found is None or found.path is None:
        raise MediaError(f"the input '{slot}' is not there", "its upstream shot has to be made first")
    return found.path


def _facts(materials: Mapping[str, Material], slot: str) -> MediaFacts:
    path = _file(materials, slot)
    return materials[slot].facts or probe(path)


def _picture(materials: Mapping[str, Material], slot: str) -> animatic.Picture:
    """Read a start or end picture; of a frame of one of our own slates only the panel, so that words do not pile up."""
    picture = frames.read_picture(_file(materials, slot))
    source = materials[slot].entry.source
    is_frame = isinstance(source, NodeSource) and bool(source.frame)
    return animatic.panel_picture(picture) if is_frame else picture


def _path(profile: LocalProfile, order: Order) -> tuple[View, View]:
    return path_of(order.node.burn.move, order.seed) if profile.ken_burns else (WHOLE, WHOLE)


def _draw_words(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    del materials
    animatic.write_words(_card(profile, order), _size(profile, order), target)


def _draw_move(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    start, end = _path(profile, order)
    source = materials["start"].entry.source if "start" in materials else None
    if isinstance(source, NodeSource) and source.frame and end != WHOLE:
        # A chained shot goes on from exactly the picture that the one before it ended on.
        start = WHOLE
    shown = Moved(_picture(materials, "start"), start, end)
    animatic.write_move(_card(profile, order), _size(profile, order), shown, target)


def _draw_dissolve(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    start, end = _path(profile, order)
    middle = start.toward(end, 0.5)
    source = materials["start"].entry.source if "start" in materials else None
    opening = WHOLE if isinstance(source, NodeSource) and source.frame else start
    # The last picture comes to rest whole: the shot after it may open on it.
    first = Moved(_picture(materials, "start"), opening, opening.toward(middle, 1.0))
    last = Moved(_picture(materials, "end"), middle if profile.ken_burns else WHOLE, WHOLE)
    animatic.write_dissolve(_card(profile, order), _size(profile, order), first, last, target)


def _draw_board(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    tiles = _tiles(materials)
    seed = order.seed
    animatic.write_board(
        _card(profile, order),
        _size(profile, order),
        lambda box, palette, unit: board.draw_tiles((box.width, box.height), tiles, palette, seed, unit),
        target,
    )


def _tiles(materials: Mapping[str, Material]) -> tuple[board.Tile, ...]:
    """Return one tile for every reference, and one for every picture of a character."""
    tiles: list[board.Tile] = []
    for material in materials.values():
        source = material.entry.source
        name, role = label_of(source), material.entry.slot.rsplit("_", 1)[0]
        if isinstance(source, Character):
            pictures = [frames.read_picture(part.path) for part in material.parts if part.path is not None]
            tiles.extend(board.Tile(name, "character", picture) for picture in pictures)
            if not pictures:
                tiles.append(board.Tile(name, "character"))
        elif material.path is None:
            tiles.append(board.Tile(name, role))
        elif material.type == "mp4":
            facts = material.facts or probe(material.path)
            tiles.append(board.Tile(name, role, frames.read_frames(material.path, ("middle",), facts)[0]))
        else:
            tiles.append(board.Tile(name, role, frames.read_picture(material.path)))
    return tuple(tiles)


def _draw_edit(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    window = order.node.request.window or (0, 0)
    path, facts = _file(materials, "source"), _facts(materials, "source")
    if facts.duration is None or facts.duration * EDIT_RATE <= window[0]:
        raise MediaError(f"the edit begins at frame {window[0]}, beyond the end of its source")
    animatic.write_plate(_card(profile, order), _size(profile, order), path, window[0], EDIT_RATE, target)


def _draw_extension(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    facts = _facts(materials, "source")
    overlap = int(order.node.request.overlap * profile.fps)
    length = int((facts.duration or Fraction(0)) * profile.fps)
    end = _path(profile, order)[1]
    path = _file(materials, "source")
    animatic.write_continuation(_card(profile, order), _size(profile, order), path, length, overlap, end, target)


def _draw_still(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    del profile
    node = order.node
    picture = board.draw_still(
        still_size(node.request.aspect),
        node.name,
        node.burn.text or node.request.prompt,
        order.takes[0],
        _tiles(materials),
        order.seed,
    )
    frames.write_jpeg(picture, target, quality=90)


def _upscale(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    del profile
    path, facts = _file(materials, "source"), _facts(materials, "source")
    resolution = order.node.request.resolution
    if facts.fps is None:
        rescale.enlarge_still(path, enlarged((facts.width, facts.height), resolution), target)
    else:
        size = film_size(f"{facts.width}:{facts.height}", resolution)
        rescale.enlarge_film(path, facts, size, target)


def _join(profile: LocalProfile, order: Order, materials: Mapping[str, Material], target: Path) -> None:
    join.join_extension(
        _file(materials, "source"),
        _file(materials, "segment"),
        int(order.node.request.overlap * profile.fps),
        target,
    )


_DRAWN: Mapping[Mode, Callable[[LocalProfile, Order, Mapping[str, Material], Path], None]] = {
    Mode.T2V: _draw_words,
    Mode.I2V: _draw_move,
    Mode.I2V_FL: _draw_dissolve,
    Mode.R2V: _draw_board,
    Mode.V2V: _draw_edit,
    Mode.EXTEND: _draw_extension,
    Mode.IMAGE: _draw_still,
    Mode.UPSCALE: _upscale,
    Mode.JOIN: _join,
}
