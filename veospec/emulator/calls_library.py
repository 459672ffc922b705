"""Uploads, download links, voices and characters: all free."""

from __future__ import annotations

import uuid
from typing import Any, TypeAlias

from veospec.emulator import downloads, ids, params, references, refusals, replies, tables
from veospec.emulator.ids import mask
from veospec.emulator.state import Character, Media, Voice
from veospec.emulator.web import Answer, Call
from veospec.errors import MediaError
from veospec.media import testcard

Json: TypeAlias = Any

IMAGE_BYTES = 20_971_520
VIDEO_BYTES = 100 * 1024 * 1024
_TYPES = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp", "video/mp4": "mp4"}


# -- assets -----------------------------------------------------------------------------------------------


async def upload(call: Call) -> Answer:
    """`POST /assets/{email}` or `POST /assets`; `?email=` is ignored, as it is by the real service."""
    house = call.house
    account = house.desk.working(call.args[0]) if call.args else house.desk.chosen(None, (), "assets")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _TYPES:
        given = f"Content-Type {media_type} is not supported" if media_type else "Content-Type is missing"
        raise refusals.bad(f"{given}. Supported: {', '.join(_TYPES)}")
    if not call.content:
        raise refusals.bad("Request body is empty")
    limit = VIDEO_BYTES if media_type == "video/mp4" else IMAGE_BYTES
    if call.size > limit:
        raise refusals.bad(f"File size ({call.size}) is over {limit} bytes")
    content = call.content
    try:
        measure = await house.studio.run(lambda: testcard.measure(content))
    except MediaError:
        raise refusals.google(400, "PUBLIC_ERROR_UNKNOWN_IMAGE_FILE_FORMAT") from None
    if measure.type != _TYPES[media_type]:
        raise refusals.bad(f"Content-Type {media_type} does not match the file")
    is_video = measure.duration is not None
    media = Media(
        key=str(uuid.uuid4()), user=call.user, email=account.email, kind="video" if is_video else "image",
        origin="upload", family="upload",
        aspect=_aspect(measure.width, measure.height), width=measure.width, height=measure.height,
        frames=round(measure.duration * 24) if measure.duration else 1, created=call.now,
        recipe={"op": "blob", "digest": house.state.add_blob(content), "type": media_type},
        workflow=str(uuid.uuid4()), title="upload",
    )  # fmt: skip
    with house.state.whole():
        house.state.put_media(media)
        house.desk.charge("assets", account, request={"contentType": media_type, "bytes": len(content)})
    return Answer(200, replies.upload(media))


def _aspect(width: int, height: int) -> str:
    ratios = {"landscape": 16 / 9, "portrait": 9 / 16, "1:1": 1.0, "4:3": 4 / 3, "3:4": 3 / 4}
    return min(ratios, key=lambda name: abs(ratios[name] - width / height))


async def asset(call: Call) -> Answer:
    """`GET /assets/{mediaGenerationId}`: a fresh link, or with `raw` (October 2026) the bytes."""
    media = references.media(call.house.state, call.user, call.args[0])
    if "raw" in call.query and not call.house.table.is_june:
        content = await call.house.studio.file(media)
        return Answer(200, content=content, media_type=downloads.type_of(media.kind, content))
    text = ids.media_id(user=media.user, email=media.email, kind=media.kind, key=media.key)
    return Answer(200, {"url": call.links().to(media.kind, media.key), "mediaGenerationId": text})


async def projects(call: Call) -> Answer:
    """`GET /assets/projects/{email}` (October 2026)."""
    _only_november(call)
    account = call.house.desk.account(call.args[0])
    project = {"projectId": replies.PROJECT, "projectTitle": "Emulator"}
    return Answer(200, {"email": account.email, "projects": [project], "cursor": ""})


async def media_list(call: Call) -> Answer:
    """`GET /assets/media/{email}` (October 2026)."""
    _only_november(call)
    account = call.house.desk.account(call.args[0])
    own = [m for m in call.house.state.media.values() if m.email == account.email and m.user == call.user]
    shown = [
        {
            "name": media.key,
            "mediaGenerationId": ids.media_id(user=media.user, email=media.email, kind=media.kind, key=media.key),
            "mediaTitle": media.title,
            "type": media.kind,
        }
        for media in own
        if call.house.state.is_there(media) and "_upsampled_" not in media.key
    ]
    return Answer(200, {"projectId": call.query.get("projectId", replies.PROJECT), "media": shown})


async def delete_assets(call: Call) -> Answer:
    """`DELETE /assets/{email}` (October 2026): the whole batch is checked first."""
    _only_november(call)
    house = call.house
    account = house.desk.account(call.args[0])
    body = call.body()
    params.check(body, params.DELETE_ASSETS, "mediaGenerationIds")
    wanted = body["mediaGenerationIds"]
    if not 1 <= len(wanted) <= 100:
        raise refusals.wrong_format("mediaGenerationIds")
    found = [references.media(house.state, call.user, text) for text in wanted]
    if any(media.email != account.email for media in found):
        raise refusals.bad(f"Email mismatch: path has '{account.email}', references have another account")
    for media in found:
        media.is_deleted = True  # the record stays: other clips may be made from it
        house.state.put_media(media)
    return Answer(200, {"deleted": wanted})


def _only_november(call: Call) -> None:
    if call.house.table.is_june:
        raise refusals.endpoint_not_found()


# -- voices -----------------------------------------------------------------------------------------------


def _email(call: Call) -> str:
    email = call.query.get("email", "")
    if not email:
        raise refusals.required("email")
    return call.house.desk.account(email).email


async def make_voice(call: Call) -> Answer:
    """`POST /voices`; here the system voice is case-sensitive."""
    house = call.house
    body = call.body(allows_form=True)
    params.check(body, params.VOICE, "email", "voice", "displayName", "dialog", "voicePerformance")
    if body["voice"] not in tables.VOICES:
        raise refusals.wrong_format("voice")
    account = house.desk.working(body["email"])
    entry = Voice(
        str(uuid.uuid4()), str(uuid.uuid4()), call.user, account.email, body["voice"], body["displayName"],
        body["dialog"], body["voicePerformance"],
    )  # fmt: skip
    with house.state.whole():
        house.state.put_voice(entry)
        house.desk.charge("voices", account, request={**body, "email": mask(body["email"])})
    return Answer(200, replies.voice(entry, call.links()))


async def list_voices(call: Call) -> Answer:
    """`GET /voices?email=&source=`."""
    email, source = _email(call), call.query.get("source")
    if source not in (None, "system", "user"):
        raise refusals.wrong_format("source")
    links = call.links()
    shown = [] if source == "user" else [replies.system_voice(name) for name in tables.VOICES]
    own = [entry for entry in call.house.state.voices.values() if (entry.email, entry.user) == (email, call.user)]
    if source != "system":
        shown += [replies.voice(entry, links) for entry in own]
    return Answer(200, {"voices": shown})


async def voice(call: Call) -> Answer:
    """`GET /voices/{ref}`."""
    name = tables.voice(call.args[0])
    if name is not None:
        return Answer(200, replies.system_voice(name))
    return Answer(200, replies.voice(references.user_voice(call.house.state, call.user, call.args[0]), call.links()))


async def delete_voice(call: Call) -> Answer:
    """`DELETE /voices/{ref}`: user voices only."""
    if tables.voice(call.args[0]) is not None:
        raise refusals.bad("System voices cannot be deleted")
    entry = references.user_voice(call.house.state, call.user, call.args[0])
    call.house.state.drop_voice(entry.key)
    return Answer(200, {"deleted": True, "workflowId": entry.key, "voice": call.args[0]})


# -- characters -------------------------------------------------------------------------------------------


async def make_character(call: Call) -> Answer:
    """`POST /characters`: the account comes from the first picture."""
    house = call.house
    body = call.body(allows_form=True)
    params.check(body, params.CHARACTER, "displayName", "imageReference_1")
    found = references.gather(house.state, call.user, body)
    account = house.desk.chosen(None, found.emails, "character")
    pictures = [found.media[name].key for name in ("imageReference_1", "imageReference_2") if name in found.media]
    given = body.get("voice", "")
    entry = Character(
        str(uuid.uuid4()), call.user, account.email, body["displayName"], body.get("personalityNotes", ""), pictures,
        tables.voice(given) or given,
    )  # fmt: skip
    with house.state.whole():
        house.state.put_character(entry)
        house.desk.charge("characters", account, request=body)
    return Answer(200, replies.character(entry, call.links(), in_list=False, is_created=True))


def _shown(call: Call, entry: Character, *, in_list: bool) -> dict[str, Json]:
    shown = replies.character(entry, call.links(), in_list=in_list)
    ref = ids.read_voice(entry.voice) if entry.voice else None
    if ref and ref.key not in call.house.state.voices:
        shown["voice"] = {"workflowId": ref.key, "deleted": True}
    return shown


async def list_characters(call: Call) -> Answer:
    """`GET /characters?email=`."""
    email = _email(call)
    own = [entry for entry in call.house.state.characters.values() if (entry.email, entry.user) == (email, call.user)]
    return Answer(200, {"characters": [_shown(call, entry, in_list=True) for entry in own]})


async def character(call: Call) -> Answer:
    """`GET /characters/{ref}`."""
    return Answer(200, _shown(call, references.character(call.house.state, call.user, call.args[0]), in_list=False))


async def delete_character(call: Call) -> Answer:
    """`DELETE /characters/{ref}`."""
    entry = references.character(call.house.state, call.user, call.args[0])
    call.house.state.drop_character(entry.key)
    return Answer(200, {"deleted": True, "entityId": entry.key, "character": call.args[0]})
