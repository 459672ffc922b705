"""`out/manifest.json`: what exists, why, at what price, and how the cut uses it. Safe to commit, made to diff well.

In it: keys, digests, sizes, prices, media facts, project paths, the exact cut. Never in it: time stamps, job and
media ids, links, accounts, absolute paths, or anything else that differs between two runs or two machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from veospec.model import Cost, MediaFacts, Storyboard
from veospec.review.cut import build_cuts
from veospec.review.manifest_reader import parse_manifest
from veospec.review.safe import json_text
from veospec.review.values import (
    MANIFEST_VERSION,
    Bought,
    CutList,
    Event,
    InputLine,
    Manifest,
    Output,
    Take,
    UpstreamLine,
)

__all__ = ["build_manifest", "output_of", "parse_manifest", "render_manifest"]

FREE_MAKERS = ("local", "join")
"""What draws or joins on this machine; what they make can always be made again."""


def build_manifest(
    storyboard: Storyboard, takes: Sequence[Take], catalogue_table: str, before: Manifest | None = None
) -> dict[str, Any]:
    """Return the manifest as JSON values, outputs sorted by node and take whatever the order of `takes`.

    `before` is the manifest that lies there: what it says was bought is carried on, see `still_bought`.
    """
    project = storyboard.project
    outputs = sorted((output_of(take) for take in takes), key=lambda o: o.id)
    bought = still_bought(outputs, before) if before is not None else ()
    return {
        "veospec_manifest": MANIFEST_VERSION,
        "project": {"code": project.code, "title": project.title, "fps": project.fps},
        "spec": storyboard.file,
        "provider": storyboard.provider,
        "catalogue": catalogue_table,
        "outputs": [_output(output) for output in outputs],
        "bought": [_bought(line) for line in bought],
        "cuts": [_cut(cut) for cut in build_cuts(storyboard, outputs)],
    }


def still_bought(outputs: Sequence[Output], before: Manifest) -> tuple[Bought, ...]:
    """Return what an earlier manifest says was bought and the outputs do not carry, sorted.

    Without it an animatic drawn over a committed manifest, or a run in a clone without the store, would forget clips
    that somebody paid for, and the next paid run would buy them again.
    """
    here = {(o.node, o.take, o.provider) for o in outputs if o.digest}
    lines = {(line.node, line.take, line.provider): line for line in before.bought}
    for o in before.outputs:
        if o.key and o.digest and o.provider not in FREE_MAKERS:
            lines[o.node, o.take, o.provider] = Bought(o.node, o.take, o.provider, o.key, o.digest)
    return tuple(line for place, line in sorted(lines.items()) if place not in here)


def render_manifest(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of `manifest.json`; equal documents give equal bytes."""
    # json indents three times more slowly, in Python; what both write is the same.
    text = msgspec.json.format(json.dumps(document, ensure_ascii=False, allow_nan=False), indent=2)
    return json_text(text).encode() + b"\n"


def output_of(take: Take) -> Output:
    """Return what a manifest keeps of a take."""
    node = take.node
    return Output(
        node=node.id,
        kind=node.kind,
        shot=node.name,
        scene=node.scene,
        cell=node.cell,
        take=take.take,
        selected=take.selected,
        disposition=take.disposition,
        key=take.key,
        digest=take.digest,
        size_bytes=take.size_bytes,
        file=take.file,
        provider=take.provider,
        model=node.request.model,
        mode=node.request.mode,
        seed=take.seed,
        cost=take.cost,
        media=take.facts,
        inputs=tuple(sorted(take.inputs, key=lambda i: (i.slot, i.role, i.digest))),
        upstream=tuple(sorted(take.upstream, key=lambda u: (u.slot, u.node))),
        source_type=take.source_type,
        c2pa=take.c2pa,
        flags=tuple(sorted(set(take.flags))),
        reason=take.reason,
    )


def _output(output: Output) -> dict[str, Any]:
    return {
        "node": output.node,
        "kind": output.kind.value,
        "shot": output.shot,
        "scene": output.scene,
        "cell": dict(output.cell.axes),
        "take": output.take,
        "selected": output.selected,
        "disposition": output.disposition.value,
        "key": output.key,
        "digest": output.digest,
        "bytes": output.size_bytes,
        "file": output.file,
        "provider": output.provider,
        "model": output.model,
        "mode": output.mode.value,
        "seed": output.seed,
        "cost": _cost(output.cost),
        "media": _media(output.media) if output.media is not None else None,
        "inputs": [_input(line) for line in output.inputs],
        "upstream": [_upstream(line) for line in output.upstream],
        "source_type": output.source_type,
        "c2pa": output.c2pa.value,
        "flags": list(output.flags),
        "reason": output.reason,
    }


def _bought(line: Bought) -> dict[str, Any]:
    return {
        "node": line.node,
        "take": line.take,
        "provider": line.provider,
        "key": line.key,
        "digest": line.digest,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {"credits": cost.credits, "micro_usd": cost.micro_usd, "is_ceiling": cost.is_ceiling}


def _media(facts: MediaFacts) -> dict[str, Any]:
    return {
        "container": facts.container,
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "fps": None if facts.fps is None else str(facts.fps),
        "frames": facts.frames,
        "duration": None if facts.duration is None else str(facts.duration),
        "has_audio": facts.has_audio,
        "audio_codec": facts.audio_codec,
    }


def _input(line: InputLine) -> dict[str, Any]:
    return {"slot": line.slot, "role": line.role, "digest": line.digest, "file": line.file, "origin": line.origin}


def _upstream(line: UpstreamLine) -> dict[str, Any]:
    return {"slot": line.slot, "node": line.node, "key": line.key, "digest": line.digest}


def _cut(cut: CutList) -> dict[str, Any]:
    return {
        "name": cut.slug,
        "cell": dict(cut.cell.axes),
        "aspect": cut.aspect,
        "fps": cut.fps,
        "frames": cut.frames,
        "events": [_event(event) for event in cut.events],
    }


def _event(event: Event) -> dict[str, Any]:
    leaving = event.leaving
    return {
        "number": event.number,
        "shot": event.shot,
        "scene": event.scene,
        "node": event.node,
        "take": event.take,
        "digest": event.digest,
        "file": event.file,
        "missing": event.missing,
        "has_audio": event.has_audio,
        "media_frames": event.media_frames,
        "source_in": event.source_in,
        "source_out": event.source_out,
        "record_in": event.record_in,
        "record_out": event.record_out,
        "overlap": event.overlap,
        "transition": None
        if leaving is None
        else {"kind": leaving.kind.value, "before": leaving.before, "after": leaving.after},
    }
