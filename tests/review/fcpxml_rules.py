"""What an FCPXML 1.10 document must be: Apple's document type as far as we use it, and the rules beyond it.

Final Cut refuses a document that breaks the first kind as a whole, and drops or moves what breaks the second.
Source: Apple, Document Type Definition and FCPXML Reference, developer.apple.com, read November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple
from xml.etree import ElementTree as ET

TIME = re.compile(r"(\d+)(?:/(\d+))?s")
RATES = {"23.98", "24", "25", "29.97", "30", "60", "47.95", "48", "50", "59.94"}


class Element(NamedTuple):
    """What may stand inside, as an expression over child names each followed by a space; needed and further names."""

    inside: str
    needed: frozenset[str] = frozenset()
    further: frozenset[str] = frozenset()


def element(inside: str, needed: str = "", further: str = "") -> Element:
    spaced = re.sub(r"([a-z][a-z-]*)", r"(?:\1 )", inside).replace(",", "")
    return Element(spaced, frozenset(needed.split()), frozenset(further.split()))


CLIP = "lane offset name start enabled"
ELEMENTS = {
    "fcpxml": element("resources?(library|event*)", "version"),
    "resources": element("(asset|effect|format|media|locator)*"),
    "format": element("", "id", "name frameDuration fieldOrder width height paspH paspV colorSpace"),
    "effect": element("", "id uid", "name src"),
    "asset": element(
        "media-rep+metadata?",
        "id",
        "name uid start duration hasVideo format hasAudio videoSources audioSources audioChannels audioRate",
    ),
    "media-rep": element("bookmark?", "src", "kind sig suggestedFilename"),
    "library": element("(event|smart-collection)*", "", "location colorProcessing"),
    "event": element("(asset-clip|clip|project|keyword-collection)*", "", "name uid"),
    "project": element("sequence", "", "name uid id modDate"),
    "sequence": element(
        "note?,spine,metadata?", "format", "duration tcStart tcFormat audioLayout audioRate renderFormat"
    ),
    "spine": element("(asset-clip|clip|gap|title|transition)*", "", "lane offset name format"),
    "asset-clip": element(
        "note?conform-rate?marker*metadata?", "ref", f"{CLIP} duration format tcStart tcFormat audioRole videoRole"
    ),
    "conform-rate": element("", "", "scaleEnabled srcFrameRate frameSampling"),
    "gap": element("note?marker*metadata?", "duration", "name offset start enabled"),
    "transition": element("filter-video?filter-audio?marker*", "duration", "name offset"),
    "filter-video": element("", "ref", "name enabled"),
    "filter-audio": element("", "ref", "name enabled"),
    "marker": element("", "start value", "duration completed note"),
    "note": element(""),
}


def broken(text: str) -> list[str]:
    """Return the rules that a document breaks, each as a sentence; the later kinds want the earlier ones kept."""
    root = ET.fromstring(text)
    assert root.get("version") == "1.10"
    assert re.match(r'<\?xml version="1.0" encoding="UTF-8"\?>\n<!DOCTYPE fcpxml>\n', text)
    return [*_shapes(root)] or [*_references(root)] or [*_times(root), *_media(root), *_story(root)]


def _shapes(root: ET.Element) -> Iterator[str]:
    for item in root.iter():
        rule = ELEMENTS.get(item.tag)
        if rule is None:
            yield f"<{item.tag}> is unknown"
            continue
        children = "".join(f"{child.tag} " for child in item)
        if not re.fullmatch(rule.inside, children):
            yield f"<{item.tag}> may not hold: {children}"
        names = set(item.attrib)
        if rule.needed - names:
            yield f"<{item.tag}> lacks {rule.needed - names}"
        if names - rule.needed - rule.further:
            yield f"<{item.tag}> may not have {names - rule.needed - rule.further}"
        if item.tag != "note" and (item.text or "").strip():
            yield f"<{item.tag}> holds text"


def _references(root: ET.Element) -> Iterator[str]:
    known = [item.get("id") for item in root.iter() if item.get("id")]
    if len(known) != len(set(known)):
        yield "an id is given twice"
    kinds = {item.get("id"): item.tag for item in root.iter() if item.get("id")}
    wanted = {"asset-clip": "asset", "filter-video": "effect", "filter-audio": "effect"}
    for item in root.iter():
        if item.get("ref") and kinds.get(item.get("ref")) != wanted.get(item.tag):
            yield f"<{item.tag}> refers to {item.get('ref')}, which is {kinds.get(item.get('ref'))}"
        if item.get("format") and kinds.get(item.get("format")) != "format":
            yield f"<{item.tag}> has the format {item.get('format')}, which is none"


def seconds(text: str) -> Fraction:
    found = TIME.fullmatch(text)
    assert found is not None, text
    return Fraction(int(found[1]), int(found[2] or 1))


def _times(root: ET.Element) -> Iterator[str]:
    """Every time of the story lies on a frame of the sequence, every time of a file on a frame of the file."""
    rates = {f.get("id"): seconds(f.get("frameDuration", "")) for f in root.iter("format")}
    [sequence] = root.iter("sequence")
    frame = rates[sequence.get("format")]
    grids = [(sequence, frame), *((item, frame) for item in sequence.iter() if item is not sequence)]
    grids += [(asset, rates[asset.get("format")]) for asset in root.iter("asset")]
    for item, grid in grids:
        for name in ("offset", "start", "duration", "tcStart"):
            if item.get(name) is not None and (seconds(item.get(name, "")) / grid).denominator != 1:
                yield f"<{item.tag}> {name} {item.get(name)} is between two frames"
    for item in root.iter():
        for value in item.attrib.values():
            found = TIME.fullmatch(value)
            if found and (int(found[1]) >= 2**63 or int(found[2] or 1) >= 2**31):
                yield f"{value} is too large"


def _media(root: ET.Element) -> Iterator[str]:
    for asset in root.iter("asset"):
        [file] = asset.findall("media-rep")
        source = file.get("src", "")
        if file.get("kind") != "original-media" or not source or "\\" in source or " " in source:
            yield f"the file of {asset.get('name')} cannot be found by {source!r}"
        if not asset.get("name") or asset.get("hasVideo") != "1" or not asset.get("format"):
            yield f"asset {asset.get('id')} has no name, picture or format"
        sound = [asset.get(name) for name in ("hasAudio", "audioSources", "audioChannels", "audioRate")]
        if any(sound) and not all(sound):
            yield f"asset {asset.get('name')} says of its sound only {sound}"


def _story(root: ET.Element) -> Iterator[str]:
    """Items follow each other without a hole; a clip shows no frame that its file lacks, at the speed it was made."""
    [sequence] = root.iter("sequence")
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    formats = {item.get("id"): item for item in root.iter("format")}
    frame = formats[sequence.get("format")].get("frameDuration")
    at = Fraction(0)
    for item in sequence.findall("spine/*"):
        length = seconds(item.get("duration", ""))
        if item.tag == "transition":
            start = seconds(item.get("offset", ""))
            if not start < at <= start + length and at != start:
                yield f"a transition at {start} is not at the cut at {at}"
            continue
        if seconds(item.get("offset", "")) != at:
            yield f"{item.get('name')} begins at {item.get('offset')} and not at {at}"
        at += length
        if item.tag == "asset-clip":
            asset = assets[item.get("ref")]
            if seconds(item.get("start", "")) + length > seconds(asset.get("duration", "")):
                yield f"{item.get('name')} is longer than its file"
            conform = item.find("conform-rate")
            differs = formats[asset.get("format")].get("frameDuration") != frame
            if differs != (conform is not None and conform.get("scaleEnabled") == "0"):
                yield f"{item.get('name')} would change its speed"
            if conform is not None and conform.get("srcFrameRate", "24") not in RATES:
                yield f"no frame rate is called {conform.get('srcFrameRate')}"
        for marker in item.findall("marker"):
            inside = seconds(marker.get("start", "")) - seconds(item.get("start", ""))
            if not 0 <= inside < length:
                yield f"a marker of {item.get('name')} is outside of it"
    if at != seconds(sequence.get("duration", "")):
        yield f"the sequence says {sequence.get('duration')} and lasts {at}"
