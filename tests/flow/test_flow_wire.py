"""Request bodies: exactly the fields the service lists, with every moving default written out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from flow_builders import EMAIL, media, node, person, slot, upstream
from msgspec.structs import replace

from veospec.model import FileSource, Kind, Mode, Node, OwnVoice, PresetVoice
from veospec.providers.flow import wire

IMAGE, VIDEO = media("image", "aaa"), media("video", "ddd")
FILE = FileSource("refs/a.png")
STILL = node("still:quay", kind=Kind.STILL, mode=Mode.IMAGE, model="nano-banana-2", duration=None, resolution="")
UPSCALED = node("upscale:S", slot("source", upstream("S")), kind=Kind.UPSCALE, mode=Mode.UPSCALE, resolution="4k")

CASES: dict[str, tuple[Node, dict[str, str], int, str, dict[str, Any]]] = {
    "t2v": (
        node("S"),
        {},
        2,
        "/videos",
        {
            "model": "veo-3.1-fast",
            "prompt": "A paper kite.",
            "aspectRatio": "landscape",
            "duration": 8,
            "count": 2,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
            "email": EMAIL,
        },
    ),
    "portrait, and a resolution where the model has several": (
        node("S", model="omni-flash", aspect="9:16", resolution="360p", duration=Fraction(10)),
        {},
        1,
        "/videos",
        {
            "model": "omni-flash",
            "prompt": "A paper kite.",
            "aspectRatio": "portrait",
            "duration": 10,
            "count": 1,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
            "email": EMAIL,
            "resolution": "360p",
        },
    ),
    "i2v-fl: the pictures decide the account": (
        node("S", slot("start", FILE), slot("end", FILE), mode=Mode.I2V_FL, aspect="1:1"),
        {"start": IMAGE, "end": IMAGE},
        1,
        "/videos",
        {
            "model": "veo-3.1-fast",
            "prompt": "A paper kite.",
            "aspectRatio": "1:1",
            "duration": 8,
            "count": 1,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
            "startImage": IMAGE,
            "endImage": IMAGE,
        },
    ),
    "r2v: references, a character, a system voice": (
        node(
            "S",
            slot("reference_1", FILE),
            slot("character_1", person(FILE)),
            slot("voice_1", PresetVoice("Kore")),
            mode=Mode.R2V,
        ),
        {"reference_1": IMAGE, "character_1": media("character", "c-imgs:1"), "voice_1": "Kore"},
        1,
        "/videos",
        {
            "model": "veo-3.1-fast",
            "prompt": "A paper kite.",
            "aspectRatio": "landscape",
            "duration": 8,
            "count": 1,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
            "referenceImage_1": IMAGE,
            "character_1": media("character", "c-imgs:1"),
            "referenceAudio_1": "Kore",
        },
    ),
    "v2v: a window and no duration": (
        node("S", slot("source", FILE), mode=Mode.V2V, model="omni-flash", window=(0, 144), duration=Fraction(6)),
        {"source": VIDEO},
        1,
        "/videos",
        {
            "model": "omni-flash",
            "prompt": "A paper kite.",
            "aspectRatio": "landscape",
            "count": 1,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
            "referenceVideo_1": VIDEO,
            "startFrameIndex_1": 0,
            "endFrameIndex_1": 144,
            "resolution": "720p",
        },
    ),
    "extend: the source decides all the rest": (
        node("S", slot("source", upstream("R")), mode=Mode.EXTEND),
        {"source": VIDEO},
        2,
        "/videos/extend",
        {
            "mediaGenerationId": VIDEO,
            "prompt": "A paper kite.",
            "model": "veo-3.1-fast",
            "count": 2,
            "seed": 41,
            "async": True,
            "captchaRetry": 5,
        },
    ),
    "video upscale spells 4K with a capital": (
        UPSCALED,
        {"source": VIDEO},
        1,
        "/videos/upscale",
        {"mediaGenerationId": VIDEO, "resolution": "4K", "async": True, "captchaRetry": 5},
    ),
    "image upscale spells 4k without, and is never async": (
        replace(UPSCALED, request=replace(UPSCALED.request, inputs=(slot("source", upstream("still:quay")),))),
        {"source": IMAGE},
        1,
        "/images/upscale",
        {"mediaGenerationId": IMAGE, "resolution": "4k", "captchaRetry": 5},
    ),
    "image: the ratio is sent as it is, the count always": (
        replace(STILL, request=replace(STILL.request, aspect="3:4")),
        {},
        4,
        "/images",
        {
            "model": "nano-banana-2",
            "prompt": "A paper kite.",
            "aspectRatio": "3:4",
            "count": 4,
            "seed": 41,
            "captchaRetry": 5,
            "email": EMAIL,
        },
    ),
    "image to image": (
        replace(STILL, request=replace(STILL.request, inputs=(slot("reference_1", FILE),), aspect="auto")),
        {"reference_1": IMAGE},
        1,
        "/images",
        {
            "model": "nano-banana-2",
            "prompt": "A paper kite.",
            "aspectRatio": "auto",
            "count": 1,
            "seed": 41,
            "captchaRetry": 5,
            "reference_1": IMAGE,
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_body(name: str) -> None:
    """Each mode sends exactly these fields."""
    made, handles, count, path, body = CASES[name]
    call = wire.call_for(
        made, count=count, seed=41, handles=handles, email=EMAIL, sends_resolution=made.request.model == "omni-flash"
    )
    assert (path, body) == (call.path, dict(call.body))


@pytest.mark.parametrize("name", CASES)
def test_no_field_is_null_empty_or_unlisted(name: str) -> None:
    """The service answers 400 to each of these."""
    made, handles, count, _, _ = CASES[name]
    call = wire.call_for(made, count=count, seed=41, handles=handles, email=EMAIL, sends_resolution=False)
    body = wire.with_reply_ref(call.path, call.body, "vs1:x")
    assert body.keys() <= wire.FIELDS[call.path]
    assert not [value for value in body.values() if value is None or value == ""]
    assert ("replyRef" in body) == (call.path != "/images/upscale")


def test_things_beside_shots() -> None:
    """Voices, characters, gifs and joins carry their own few fields."""
    own = OwnVoice("ada_low", "Kore", "Hold her there.", "dry, close")
    assert dict(wire.voice(own, EMAIL).body) == {
        "email": EMAIL,
        "voice": "Kore",
        "displayName": "ada_low",
        "dialog": "Hold her there.",
        "voicePerformance": "dry, close",
        "captchaRetry": 5,
    }
    assert dict(wire.character(person(FILE), [IMAGE], "").body) == {"displayName": "Ada", "imageReference_1": IMAGE}
    full = wire.character(person(FILE, FILE, notes="calm"), [IMAGE, IMAGE], "Kore").body
    assert {"imageReference_2": IMAGE, "personalityNotes": "calm", "voice": "Kore"}.items() <= full.items()
    assert dict(wire.gif(VIDEO).body) == {"mediaGenerationId": VIDEO}
    joined = wire.concatenate([wire.Segment(VIDEO), wire.Segment(VIDEO, Fraction(1), Fraction(1, 2))])
    assert dict(joined.body) == {
        "media": [{"mediaGenerationId": VIDEO}, {"mediaGenerationId": VIDEO, "trimStart": 1, "trimEnd": 0.5}]
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda: wire.concatenate([wire.Segment(VIDEO)]),
        lambda: wire.concatenate([wire.Segment(VIDEO)] * 11),
        lambda: wire.with_reply_ref("/videos", {}, "x" * 1025),
        lambda: wire.with_reply_ref("/videos", {}, ""),
        lambda: wire.call_for(node("S", slot("start", FILE)), count=1, seed=1, handles={}, email=EMAIL,
                              sends_resolution=False),
        lambda: wire.call_for(node("J", mode=Mode.JOIN), count=1, seed=1, handles={}, email=EMAIL,
                              sends_resolution=False),
        lambda: wire.call_for(node("S", duration=Fraction(3, 2)), count=1, seed=1, handles={}, email=EMAIL,
                              sends_resolution=False),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_said_before(call: Any) -> None:
    """Nothing malformed reaches the network."""
    with pytest.raises(ValueError, match=r"."):
        call()
