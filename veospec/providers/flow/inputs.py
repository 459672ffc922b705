"""Give every slot of a request a handle in one account: uploads, voices and characters, each made once.

All of it is free and may be repeated; two processes that upload the same file at once waste an upload and
nothing else. A handle is a memory that can die: the service promises no life time for it, so whoever is told
"not found" calls `forget` and asks again.

Source: useapi.net Google Flow API v1 reference, `POST /assets/{email}`, `POST /voices`, `POST /characters`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from veospec.errors import ApiError, Charge, MediaError, RequestInvalid, Scope, Unreachable
from veospec.model import Character, NodeSource, OwnVoice, PresetVoice
from veospec.providers.base import Json, Material, RemoteRefs
from veospec.providers.flow import ids, replies, wire
from veospec.providers.flow.api import FlowApi
from veospec.providers.flow.fault_table import NOT_FOUND
from veospec.providers.flow.net import Upload

CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "mp4": "video/mp4"}
MAX_BYTES = {"image": 20_971_520, "video": 100 * 1024 * 1024}
"""Source: useapi.net Google Flow API v1 reference, POST /assets/{email}, May and June 2026."""

UPLOADS_PER_ACCOUNT = 2


class Inputs:
    """Handles by account. `refs` remembers them between runs."""

    def __init__(self, api: FlowApi, refs: RemoteRefs) -> None:
        self._api = api
        self._refs = refs
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def handles(
        self, materials: Iterable[Material], account: str, *, trusts_receipts: bool = True
    ) -> dict[str, str]:
        """Return the handle of each slot, making what is missing.

        Without `trusts_receipts` generated pictures and clips are uploaded again instead of named by their id.
        """
        found: dict[str, str] = {}
        for material in materials:
            given = material if trusts_receipts else _own_copy(material)
            found[material.entry.slot] = await self._handle(given, account)
        return found

    def forget(self, materials: Iterable[Material], account: str) -> None:
        """Drop what is remembered of these inputs in one account."""
        for material in materials:
            for name in _names(material):
                self._refs.forget(account, name)

    async def _handle(self, material: Material, account: str) -> str:
        source = material.entry.source
        if isinstance(source, PresetVoice):
            return source.name
        if isinstance(source, OwnVoice):
            return await self.voice(source, account)
        if isinstance(source, Character):
            return await self._character(source, material, account)
        return _generated(material, account) or await self._file(material, account)

    async def _file(self, material: Material, account: str) -> str:
        kind = _kind(material)
        path = material.path
        assert path is not None
        size = path.stat().st_size
        if size > MAX_BYTES[kind]:
            raise MediaError(
                f"{path.name} has {size} bytes, the service takes {MAX_BYTES[kind]}", "make it smaller, or shorter"
            )

        async def send() -> str:
            upload = Upload(path, size, material.digest, CONTENT_TYPES[material.type])
            async with self._slots.setdefault(account, asyncio.Semaphore(UPLOADS_PER_ACCOUNT)):
                return replies.uploaded(await self._api.upload(account, upload))

        return await self._once(account, f"{kind}:{material.digest}", "/assets", send)

    async def voice(self, own: OwnVoice, account: str) -> str:
        """Return the reference of a voice of one's own."""

        async def make() -> str:
            return replies.made_voice(await self._api.make(wire.voice(own, account), email=account))

        return await self._once(account, _voice_name(own), wire.VOICES, make)

    async def _character(self, person: Character, material: Material, account: str) -> str:
        async def make() -> str:
            images = [await self._handle(part, account) for part in material.parts]
            voice = ""
            if isinstance(person.voice, PresetVoice):
                voice = person.voice.name
            elif isinstance(person.voice, OwnVoice):
                voice = await self.voice(person.voice, account)
            return replies.made_character(await self._api.make(wire.character(person, images, voice), email=account))

        async def make_or_again() -> str:
            try:
                return await make()
            except RequestInvalid as error:
                if error.reason != NOT_FOUND:
                    raise
                self.forget([material], account)
                return await make()

        return await self._once(account, _character_name(person, material), wire.CHARACTERS, make_or_again)

    async def _once(self, account: str, name: str, path: str, make: Callable[[], Awaitable[str]]) -> str:
        known = self._refs.get(account, name)
        if known:
            return known
        async with self._locks.setdefault((account, name), asyncio.Lock()):
            known = self._refs.get(account, name)
            if known:
                return known
            made = await make()
            if not made:
                raise _no_handle(path)
            self._refs.put(account, name, made)
            return made


def _no_handle(path: str) -> ApiError:
    return Unreachable(
        f"{path}: the answer holds no usable id",
        "it is asked again; if it stays so, the service has changed",
        operation=path,
        charge=Charge.NO,
        scope=Scope.SHOT,
        retry_after_s=15,
        reason="NO_ID",
    )


def _generated(material: Material, account: str) -> str:
    """Return the service's own id of a generated picture or clip, when it lies in this account and fits the slot."""
    source, receipt = material.entry.source, material.receipt
    if receipt is None or receipt.provider != replies.PROVIDER or not isinstance(source, NodeSource) or source.frame:
        # A frame of a clip is a new picture; the id of the clip does not name it.
        return ""
    if (ids.owner_of(receipt.media_id) or receipt.account).lower() != account.lower():
        return ""
    fits = ids.is_video_id(receipt.media_id) if _kind(material) == "video" else ids.is_image_id(receipt.media_id)
    return receipt.media_id if fits else ""


def _kind(material: Material) -> str:
    if material.type not in CONTENT_TYPES:
        raise MediaError(
            f"the input of slot {material.entry.slot} is no file that the service takes",
            "use PNG, JPEG or WebP pictures and MP4 clips",
        )
    return "video" if material.type == "mp4" else "image"


def _own_copy(material: Material) -> Material:
    return replace(material, receipt=None, parts=tuple(replace(part, receipt=None) for part in material.parts))


def _names(material: Material) -> list[str]:
    source = material.entry.source
    if isinstance(source, PresetVoice):
        return []
    if isinstance(source, OwnVoice):
        return [_voice_name(source)]
    if isinstance(source, Character):
        voice = [_voice_name(source.voice)] if isinstance(source.voice, OwnVoice) else []
        return [_character_name(source, material), *voice, *(name for part in material.parts for name in _names(part))]
    return [f"{'video' if material.type == 'mp4' else 'image'}:{material.digest}"]


def _voice_name(own: OwnVoice) -> str:
    return f"voice:{_digest([own.preset, own.line, own.performance])}"


def _character_name(person: Character, material: Material) -> str:
    voice = ""
    if isinstance(person.voice, PresetVoice):
        voice = person.voice.name
    elif isinstance(person.voice, OwnVoice):
        voice = _voice_name(person.voice)
    pictures = [part.digest for part in material.parts]
    return f"character:{_digest([person.display_name or person.name, person.notes, voice, pictures])}"


def _digest(value: Json) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()
