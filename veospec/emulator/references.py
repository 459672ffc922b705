"""Find the records that a request refers to, and their owners.

Source: useapi.net Google Flow API v1 reference, identifiers, June 2026: a reference of another user is 403, an unknown
one 404, a badly shaped one 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from veospec.emulator import ids, refusals, tables
from veospec.emulator.ids import Ref
from veospec.emulator.rules import Gathered
from veospec.emulator.state import Character, Media, State, Voice

Json: TypeAlias = Any

_MEDIA_FIELDS = (
    "startImage",
    "endImage",
    "referenceVideo_1",
    "mediaGenerationId",
    "imageReference_1",
    "imageReference_2",
)


def _own(ref: Ref, user: str) -> None:
    if ref.user != user:
        raise refusals.foreign(ref.user)


def media(state: State, user: str, text: str) -> Media:
    """Return the picture or clip of an id."""
    ref = ids.read_media(text)
    if ref is None:
        raise refusals.wrong_format("mediaGenerationId")
    _own(ref, user)
    found = state.media.get(ref.key)
    if found is None or not state.is_there(found) or found.kind != ref.kind or found.email.lower() != ref.email.lower():
        raise refusals.not_found(f"Asset {text} not found")
    return found


def character(state: State, user: str, text: str) -> Character:
    """Return the character of a reference; the tail with the number of pictures may be missing."""
    ref = ids.read_character(text)
    if ref is None:
        raise refusals.wrong_format("character")
    _own(ref, user)
    found = state.characters.get(ref.key)
    if found is None or found.email.lower() != ref.email.lower():
        raise refusals.not_found(f"Character {text} not found")
    return found


def user_voice(state: State, user: str, text: str) -> Voice:
    """Return the user voice of a reference."""
    ref = ids.read_voice(text)
    if ref is None:
        raise refusals.wrong_format("voice")
    _own(ref, user)
    found = state.voices.get(ref.key)
    if found is None or found.email.lower() != ref.email.lower():
        raise refusals.not_found(f"Voice {text} not found")
    return found


def gather(state: State, user: str, body: Mapping[str, Json]) -> Gathered:
    """Return every record that the body refers to. Raises `Refusal`."""
    pictures: dict[str, Media] = {}
    characters: dict[str, Character] = {}
    voices: dict[str, str] = {}
    owners: dict[str, None] = {}
    for name, value in body.items():
        if name in _MEDIA_FIELDS or name.startswith(("referenceImage_", "reference_")):
            pictures[name] = media(state, user, value)
            owners[pictures[name].email] = None
        elif name.startswith("character_"):
            characters[name] = character(state, user, value)
            owners[characters[name].email] = None
        elif name.startswith("referenceAudio_") or name == "voice":
            voices[name] = value
            if (own := _voice_owner(state, user, name, value)) is not None:
                owners[own] = None
    return Gathered(pictures, characters, voices, tuple(owners))


def _voice_owner(state: State, user: str, name: str, value: str) -> str | None:
    if tables.voice(value) is not None:
        return None
    if ids.read_voice(value) is None:
        raise refusals.wrong_format(name)
    return user_voice(state, user, value).email
