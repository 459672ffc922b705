"""The shapes of the service's answers, word for word. Pure: records in, JSON out.

Source: useapi.net Google Flow API v1 reference, responses of POST /videos, /images, /assets, GET /jobs/{jobId},
GET /accounts, June 15, 2026, with the changes of November 2026.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct

from veospec.emulator import ids, refusals, rules, tables, times
from veospec.emulator.state import Account, Character, Job, Media, Voice
from veospec.emulator.tables import Plan, Table, VideoModel

Json: TypeAlias = Any

DOWNLOAD = "/flow-content"
DOWNLOAD_KINDS = ("video", "image", "audio")
_VIDEO_ASPECTS = {
    "landscape": "VIDEO_ASPECT_RATIO_LANDSCAPE",
    "portrait": "VIDEO_ASPECT_RATIO_PORTRAIT",
    "1:1": "VIDEO_ASPECT_RATIO_SQUARE",
    "4:3": "VIDEO_ASPECT_RATIO_LANDSCAPE_FOUR_THREE",
    "3:4": "VIDEO_ASPECT_RATIO_PORTRAIT_THREE_FOUR",
}
PROJECT = "5f0c7d1e-3f5b-4c7a-9d2e-000000000001"


class Links(Struct, frozen=True):
    """Signs download links. `expires` is the second at which those of this answer die."""

    base: str
    secret: bytes
    expires: int

    def to(self, kind: str, key: str) -> str:
        """Return a signed link to `video`, `image` or `audio` number `key`."""
        path = f"{DOWNLOAD}/{kind}/{key}"
        signature = sign(self.secret, path, str(self.expires))
        return f"{self.base}{path}?Expires={self.expires}&KeyName=labs-flow-prod-cdn-key&Signature={signature}"


def sign(secret: bytes, path: str, expires: str) -> str:
    """Return the signature of a link."""
    return hmac.new(secret, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()[:40]


# -- generations ------------------------------------------------------------------------------------------


def _image_aspect(width: int, height: int) -> str:
    if width == height:
        return "IMAGE_ASPECT_RATIO_SQUARE"
    if abs(width / height - 4 / 3) < 0.02:
        return "IMAGE_ASPECT_RATIO_LANDSCAPE_FOUR_THREE"
    if abs(width / height - 3 / 4) < 0.02:
        return "IMAGE_ASPECT_RATIO_PORTRAIT_THREE_FOUR"
    return "IMAGE_ASPECT_RATIO_LANDSCAPE" if width > height else "IMAGE_ASPECT_RATIO_PORTRAIT"


def _video_entry(job: Job, entry: dict[str, Json], media: Media | None, links: Links) -> dict[str, Json]:
    """Return one entry of `media[]`; a filtered one carries its reason and no link."""
    key, filtered = entry["key"], entry.get("filtered")
    is_upscale = job.operation == "videos/upscale"
    seconds = media.frames / 24 if media else 8
    status: dict[str, Json] = {"mediaGenerationStatus": "MEDIA_GENERATION_STATUS_SUCCESSFUL"}
    if filtered:
        status = {
            "mediaGenerationStatus": "MEDIA_GENERATION_STATUS_FAILED",
            "error": {"code": 400, "message": filtered},
            "failureReasons": [filtered],
        }
    generated: dict[str, Json] = {
        "seed": 0 if is_upscale else entry["seed"],
        "prompt": job.request.get("prompt", ""),
        "model": job.internal,
        "isLooped": False,
        "aspectRatio": _VIDEO_ASPECTS[media.aspect if media else "landscape"],
    }
    if base := entry.get("base"):
        generated["baseImageMediaGenerationId"] = base
    name = key.removesuffix("_upsampled")
    shown: dict[str, Json] = {
        "name": name,
        "projectId": PROJECT,
        "workflowId": entry["workflow"],
        "workflowStepId": "CAE",
        "mediaMetadata": {
            "createTime": times.iso(job.ends),
            "mediaTitle": job.request.get("prompt", "")[:40],
            "requestData": {},
            "mediaStatus": status,
            "visibility": "FILTERED" if filtered else "PRIVATE",
        },
        "video": {
            "generatedVideo": generated,
            "dimensions": {"length": "0s" if is_upscale else f"{seconds:g}s"},
            "operation": {"name": entry["operation"]},
        },
        "mediaGenerationId": ids.media_id(user=job.user, email=job.email, kind="video", key=key),
    }
    if not filtered:
        shown["videoUrl"] = links.to("video", entry["file"])
        shown["thumbnailUrl"] = links.to("image", entry["file"])
    return shown


def _image_entry(job: Job, entry: dict[str, Json], media: Media, links: Links) -> dict[str, Json]:
    """Return one entry of an image answer: link, bytes in one of two places, or neither (a silent refusal)."""
    generated: dict[str, Json] = {
        "seed": entry["seed"],
        "mediaGenerationId": ids.media_id(user=job.user, email=job.email, kind="image", key=entry["key"]),
        "mediaVisibility": "PRIVATE",
        "prompt": job.request.get("prompt", ""),
        "modelNameType": job.internal,
        "workflowId": entry["workflow"],
        "aspectRatio": _image_aspect(media.width, media.height),
        "requestData": {},
    }
    shown: dict[str, Json] = {
        "name": entry["key"],
        "workflowId": entry["workflow"],
        "image": {"generatedImage": generated},
    }
    if entry.get("filtered") or entry.get("silent"):
        return shown
    if encoded := entry.get("encoded"):
        (shown if entry["where"] == "entry" else generated)["encodedImage"] = encoded
    else:
        generated["fifeUrl"] = links.to("image", entry["file"])
    return shown


def entries(job: Job, media: dict[str, Media], links: Links) -> list[dict[str, Json]]:
    """Return `media[]` of a finished job."""
    if job.family == "images":
        return [_image_entry(job, entry, media[entry["key"]], links) for entry in job.entries]
    return [_video_entry(job, entry, media.get(entry["file"]), links) for entry in job.entries]


def operations(job: Job, media: dict[str, Media], links: Links) -> list[dict[str, Json]]:
    """Return the older form of an upscale's result."""
    shown = []
    for entry in job.entries:
        video = {
            "fifeUrl": links.to("video", entry["file"]),
            "servingBaseUri": links.to("image", entry["file"]),
            "upsampleResolution": f"VIDEO_RESOLUTION_{job.request.get('resolution', '1080p').upper()}",
            "mediaGenerationId": ids.media_id(user=job.user, email=job.email, kind="video", key=entry["key"]),
        }
        shown.append(
            {
                "operation": {"name": entry["operation"], "metadata": {"video": video}},
                "sceneId": entry["workflow"],
                "status": "MEDIA_GENERATION_STATUS_SUCCESSFUL",
                "mediaGenerationId": video["mediaGenerationId"],
            }
        )
    return shown if media else []


def accepted(job: Job) -> dict[str, Json]:
    """Return the 201 of an asynchronous call."""
    response: dict[str, Json] = {"captcha": job.captcha}
    if job.operation == "videos":
        response["operations"] = [
            {
                "operation": {"name": entry["operation"]},
                "sceneId": entry["workflow"],
                "status": "MEDIA_GENERATION_STATUS_PENDING",
            }
            for entry in job.entries
        ]
    return _with_reply(
        {
            "jobid": job.id,
            "type": "video",
            "status": "created",
            "created": times.iso(job.created),
            "request": job.request,
            "response": response,
        },
        job,
    )


def _with_reply(record: dict[str, Json], job: Job) -> dict[str, Json]:
    for name in ("replyUrl", "replyRef"):
        if name in job.request:
            record[name] = job.request[name]
    return record


def status_of(job: Job, now: float) -> str:
    """Return created, started, completed or failed."""
    if now >= job.ends:
        return "failed" if job.failure else "completed"
    return "created" if now < starts(job) else "started"


def starts(job: Job) -> float:
    """Return when a job goes from created to started."""
    return job.created + (job.ends - job.created) * 0.15


def finished(job: Job, media: dict[str, Media], links: Links) -> dict[str, Json]:
    """Return what a finished job holds: the body of a synchronous answer, `response` of a record."""
    shown: dict[str, Json] = {"media": entries(job, media, links), "captcha": job.captcha}
    if job.family != "images":
        shown["remainingCredits"] = job.remaining
    if job.shows_operations:
        shown["operations"] = operations(job, media, links)
    return shown


def failure(job: Job) -> dict[str, Json]:
    """Return what a failed job says."""
    code = job.http_status
    if not job.failure.startswith(("PUBLIC_ERROR_", "FINISH_REASON_")):
        return {"error": job.failure, "code": code}
    google = refusals.google_error(code, job.failure)
    return {"error": f"API error: {code}", "code": code, "response": {"error": google}}


def record(job: Job, media: dict[str, Media], links: Links, now: float) -> dict[str, Json]:
    """Return the answer of `GET /jobs/{jobId}`."""
    status = status_of(job, now)
    shown: dict[str, Json] = {
        "jobid": job.id,
        "type": "image" if job.family == "images" else "video",
        "status": status,
        "created": times.iso(job.created),
        "updated": times.iso(min(now, job.ends)),
        "request": job.request,
    }
    if status == "completed":
        shown["response"] = finished(job, media, links)
    elif status == "failed":
        shown |= failure(job)
    else:
        shown["response"] = accepted(job)["response"]
    return _with_reply(shown, job)


# -- accounts ---------------------------------------------------------------------------------------------


def account_summary(account: Account, now: float) -> dict[str, Json]:
    """Return one value of `GET /accounts`."""
    renewed = now - now % times.DAY_S + times.DAY_S
    if account.health != "OK":
        return {"health": account.health, "error": account.health, "created": times.iso(account.created)}
    return {
        "health": "OK",
        "created": times.iso(account.created),
        "updated": times.iso(now - now % 3600),
        "sessionData": {"expires": times.iso(renewed)},
        "project": {"projectId": PROJECT, "projectTitle": "Emulator"},
        "nextRefresh": {"messageId": "msg-emulator", "scheduledFor": times.iso(renewed - 3600)},
    }


def account_details(account: Account, plan: Plan, table: Table, now: float) -> dict[str, Json]:
    """Return `GET /accounts/{email}`, with made-up secrets where the real answer has real ones."""
    shown = account_summary(account, now)
    if account.health != "OK":
        return shown
    shown["sessionData"] |= {"access_token": "ya29.emulator-access-token-must-not-leak"}
    shown["cookies"] = [{"name": "__Secure-1PSID", "value": "emulator-cookie-must-not-leak", "domain": ".google.com"}]
    shown["credits"] = {
        "credits": account.credits,
        "userPaygateTier": plan.tier,
        "sku": plan.sku,
        "serviceTier": plan.service_tier,
    }
    shown["models"] = {"videoModels": list(_video_models(plan, table))}
    return shown


_CAPABILITIES = {
    "t2v": ("TEXT",),
    "i2v": ("TEXT", "START_IMAGE"),
    "i2v-fl": ("TEXT", "START_IMAGE", "END_IMAGE"),
    "r2v": ("TEXT", "REFERENCE_IMAGES"),
    "v2v": ("TEXT", "VIDEO_EDIT"),
    "extend": ("TEXT", "VIDEO_EXTENSION"),
}
"""Only TEXT and AUDIO are published; the other words are ours."""


def _video_models(plan: Plan, table: Table) -> Iterator[dict[str, Json]]:
    """Yield one row for each of Google's keys: model, mode and length. Free ones name no price."""
    for model in table.videos.values():
        for mode in sorted(model.modes):
            able = (8,) if mode in ("v2v", "extend") or (mode == "r2v" and model.family == "veo") else model.durations
            for seconds in able:
                if rules.includes(plan, model, mode=mode, seconds=seconds):
                    yield _video_model(plan, table, model, mode, seconds)


def _video_model(plan: Plan, table: Table, model: VideoModel, mode: str, seconds: int) -> dict[str, Json]:
    price = tables.credits_for(table, model, mode=mode, seconds=seconds, resolution="720p", plan=plan)
    return {
        "key": tables.internal_name(model, mode=mode, seconds=seconds),
        "displayName": model.title,
        "supportedAspectRatios": [_VIDEO_ASPECTS[aspect] for aspect in model.aspects],
        "capabilities": [f"VIDEO_MODEL_CAPABILITY_{word}" for word in (*_CAPABILITIES[mode], "AUDIO")],
        "videoLengthSeconds": seconds,
        "videoGenerationTimeSeconds": 100,
        **({"creditCost": price} if price else {}),
        "framesPerSecond": 24,
        "paygateTier": plan.tier,
        "accessType": "MODEL_ACCESS_TYPE_GENERAL",
        "modelAccessInfo": {},
        "modelMetadata": {},
    }


# -- assets, voices, characters ---------------------------------------------------------------------------


def upload(media: Media) -> dict[str, Json]:
    """Return the answer of an upload; only here the id is nested twice."""
    text = ids.media_id(user=media.user, email=media.email, kind=media.kind, key=media.key)
    metadata = {"createTime": times.iso(media.created), "requestData": {}, "visibility": "PRIVATE"}
    inner: dict[str, Json] = {
        "name": media.key,
        "projectId": PROJECT,
        "workflowId": media.workflow,
        "workflowStepId": "CAE",
        "mediaMetadata": metadata,
    }
    shown: dict[str, Json] = {"media": inner, "mediaGenerationId": {"mediaGenerationId": text}}
    if media.kind == "image":
        inner["image"] = {
            "userUploadedImage": {"aspectRatio": _image_aspect(media.width, media.height)},
            "dimensions": {"width": media.width, "height": media.height},
        }
        shown["workflow"] = {}
    else:
        metadata["mediaStatus"] = {"mediaGenerationStatus": "MEDIA_GENERATION_STATUS_PENDING"}
        inner["video"] = {"dimensions": {"length": f"{media.frames / 24:.3f}s"}}
        shown["durationSeconds"] = round(media.frames / 24, 3)
    return shown | {"width": media.width, "height": media.height, "email": media.email}


def voice(entry: Voice, links: Links) -> dict[str, Json]:
    """Return a user voice."""
    return {
        "voice": ids.voice_ref(user=entry.user, email=entry.email, key=entry.key, media=entry.media),
        "source": "user",
        "workflowId": entry.key,
        "mediaId": entry.media,
        "displayName": entry.name,
        "baseVoice": entry.base,
        "dialog": entry.dialog,
        "voicePerformance": entry.performance,
        "audioUrl": links.to("audio", entry.media),
    }


def system_voice(name: str) -> dict[str, Json]:
    """Return a system voice."""
    sample = f"https://www.gstatic.com/aitestkitchen/voices/samples/{name}.wav"
    return {"voice": name, "source": "system", "displayName": name, "sampleUrl": sample}


def character(entry: Character, links: Links, *, in_list: bool, is_created: bool = False) -> dict[str, Json]:
    """Return a character; in lists its reference has lost the tail that says how many pictures it uses."""
    ref = ids.character_ref(
        user=entry.user, email=entry.email, key=entry.key, pictures=len(entry.pictures), voice=entry.voice
    )
    pictures: list[dict[str, Json]] = [{"mediaId": key} for key in entry.pictures]
    if not is_created:
        pictures = [{**picture, "previewUrl": links.to("image", picture["mediaId"])} for picture in pictures]
    shown: dict[str, Json] = {
        "entityId": entry.key,
        "character": ref.partition("-imgs:")[0] if in_list else ref,
        "displayName": entry.name,
        "imageReferences": pictures,
    }
    if entry.notes:
        shown["personalityNotes"] = entry.notes
    if entry.voice:
        shown["voice"] = entry.voice
    return shown
