"""Identity: which document decides the bytes of a take, and its digest.

The document lists what counts and nothing else. Not in it, on purpose: ids, titles, notes, order, scene, tags,
`select`, trims, captions, file names, account, prices, catalogue version, paths. A field may join or leave the
document only together with a new `VERSION` and a migration; `tests/plan/golden_keys.json` holds this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from msgspec.json import Encoder

from veospec.model import (
    Character,
    Digest,
    FileSource,
    Input,
    Key,
    Kind,
    Node,
    NodeId,
    NodeSource,
    OwnVoice,
    PresetVoice,
)
from veospec.plan.values import Document

VERSION = 1

JOIN_RECIPE = 1
"""Version of the local join; joins are made by this program whatever the provider is."""


_encode = Encoder(order="sorted").encode
_OF_BYTES = (FileSource, NodeSource)


class Extras(Protocol):
    """The part of a provider's profile that identity needs."""

    @property
    def name(self) -> str:
        """The provider's word."""
        ...

    def document(self, node: Node, take: int) -> Mapping[str, Any]:
        """Return what else decides the bytes."""
        ...


def canonical(document: Document) -> bytes:
    """Return the one spelling of a document: sorted keys, no spaces, UTF-8. Documents hold no fractions."""
    return _encode(document)


def key_of(document: Document) -> Key:
    """Return the full SHA-256 of a document, never cut."""
    return hashlib.sha256(canonical(document)).hexdigest()


def document_of(
    node: Node,
    take: int,
    files: Mapping[str, Digest],
    upstream: Mapping[NodeId, Digest],
    extras: Extras,
    awaited: Mapping[NodeId, str] | None = None,
) -> Document:
    """Return the key document of one take.

    `files` maps project paths to digests; `upstream` maps nodes to the digest of their selected take. A node that
    is not in `upstream` is named in the document instead, by its identity in `awaited` where that is known: the
    document is then an identity inside one plan, in which takes that will share their bytes are one, but no key.
    """
    waits = awaited or {}
    request = node.request
    is_join = node.kind is Kind.JOIN
    document: dict[str, Any] = {
        "veospec_key": VERSION,
        "provider": "join" if is_join else extras.name,
        "model": request.model,
        "mode": str(request.mode),
        "prompt": request.prompt,
        "aspect": request.aspect,
        "resolution": request.resolution,
        "duration": _seconds(request.duration),
        "retake": request.retake,
        "inputs": [_input(entry, files, upstream, waits) for entry in _in_order(request.inputs)],
    }
    if node.kind in (Kind.UPSCALE, Kind.JOIN):
        document["take"] = take
    else:
        document["seed"] = request.seed + take - 1
    if request.window is not None:
        document["window"] = list(request.window)
    if request.overlap:
        document["overlap"] = _seconds(request.overlap)
    extra = {"recipe": JOIN_RECIPE} if is_join else dict(extras.document(node, take))
    if extra:
        document["extra"] = extra
    return document


def without_upstream(document: Document, slots: Collection[str]) -> Document:
    """Return the document with the digests of the named slots blanked: what the shot itself says.

    `slots` are the ones filled from other nodes (see `upstream_slots`).
    """
    bare = dict(document)
    bare["inputs"] = [_bare(entry) if entry["slot"] in slots else entry for entry in document.get("inputs", ())]
    return bare


def upstream_slots(node: Node) -> dict[str, str]:
    """Return the slots that other nodes fill, with those nodes: `{"start": "SH030@16:9#last"}`."""
    found: dict[str, str] = {}
    for entry in node.request.inputs:
        pictures = entry.source.images if isinstance(entry.source, Character) else (entry.source,)
        nodes = [f"{p.node}#{p.frame}" if p.frame else p.node for p in pictures if isinstance(p, NodeSource)]
        if nodes:
            found[entry.slot] = " ".join(nodes)
    return found


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    own = {k: v for k, v in entry.items() if k not in ("sha256", "awaits")}
    if "images" in own:
        own["images"] = [_bare(image) for image in own["images"]]
    return own


def _in_order(inputs: tuple[Input, ...]) -> Sequence[Input]:
    return inputs if len(inputs) < 2 else sorted(inputs, key=_slot_order)


def _slot_order(entry: Input) -> tuple[str, int]:
    name, _, number = entry.slot.rpartition("_")
    return (name, int(number)) if number.isdigit() else (entry.slot, 0)


def _seconds(value: Fraction | None) -> int | str | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _input(
    entry: Input, files: Mapping[str, Digest], upstream: Mapping[NodeId, Digest], awaited: Mapping[NodeId, str]
) -> dict[str, Any]:
    source = entry.source
    described: dict[str, Any] = {"slot": entry.slot}
    if isinstance(source, _OF_BYTES):
        described.update(_bytes(source, files, upstream, awaited))
    elif isinstance(source, Character):
        described["role"] = "character"
        described["name"] = source.display_name
        described["notes"] = source.notes
        described["images"] = [_bytes(image, files, upstream, awaited) for image in source.images]
        if source.voice is not None:
            described["voice"] = _voice(source.voice)
    else:
        described["role"] = "voice"
        described["voice"] = _voice(source)
    return described


def _voice(voice: PresetVoice | OwnVoice) -> dict[str, str]:
    if isinstance(voice, PresetVoice):
        return {"preset": voice.name}
    return {"preset": voice.preset, "line": voice.line, "performance": voice.performance}


def _bytes(
    source: FileSource | NodeSource,
    files: Mapping[str, Digest],
    upstream: Mapping[NodeId, Digest],
    awaited: Mapping[NodeId, str],
) -> dict[str, Any]:
    """Describe bytes, whether they lie in a file or are a take of a node; `frame` is taken from a clip.

    The digest of a frame is that of the whole clip: how a picture is decoded and packed may change with a library,
    and must not buy anything again.
    """
    frame = source.frame if isinstance(source, NodeSource) else ""
    described: dict[str, Any] = {"role": "frame", "frame": frame} if frame else {"role": "bytes"}
    if isinstance(source, FileSource):
        described["sha256"] = files.get(source.path, "")
    elif source.node in upstream:
        described["sha256"] = upstream[source.node]
    else:
        described["awaits"] = awaited.get(source.node, source.node)
    return described
