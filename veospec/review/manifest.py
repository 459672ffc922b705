"""`out/manifest.json`: what exists, why, at what price, and how the cut uses it. Safe to commit, made to diff well.

In it: keys, digests, sizes, prices, media facts, project paths, the exact cut. Never in it: time stamps, job and
media ids, links, accounts, absolute paths, or anything else that differs between two runs or two machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from veospec.model import Cost, MediaFacts, Storyboard
from veospec.review.cut import build_cuts
from veospec.review.manifest_reader import parse_manifest
from veospec.review.safe import json_text
from veospec.review.values import MANIFEST_VERSION, CutList, Event, InputLine, Output, Take, UpstreamLine

__all__ = ["build_manifest", "output_of", "parse_manifest", "render_manifest"]


def build_manifest(storyboard: Storyboard, takes: Sequence[Take], catalogue_table: str) -> dict[str, Any]:
    """Return the manifest as JSON values, outputs sorted by node and take whatever the order of `takes`."""
    project = storyboard.project
    outputs = sorted((output_of(take) for take in takes), key=lambda o: o.id)
    return {
        "veospec_manifest": MANIFEST_VERSION,
        "project": {"code": project.code, "title": project.title, "fps": project.fps},
        "spec": storyboard.file,
        "provider": storyboard.provider,
        "catalogue": catalogue_table,
        "outputs": [_output(output) for output in outputs],
        "cuts": [_cut(cut) for cut in build_cuts(storyboard, outputs)],
    }


def render_manifest(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of `manifest.json`; equal documents give equal bytes."""
    return json_text(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)).encode() + b"\n"


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
