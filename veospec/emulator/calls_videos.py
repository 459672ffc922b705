"""The calls that make clips, or something of clips."""

from __future__ import annotations

import asyncio
import base64
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from veospec.emulator import ids, params, references, refusals, replies, rules, tables
from veospec.emulator.desk import Work
from veospec.emulator.rules import VideoOrder
from veospec.emulator.state import Account, Job, Media
from veospec.emulator.web import Answer, Call

Json: TypeAlias = Any

SYNC_LIMIT_S = 600.0
"""When the server gives up waiting for a synchronous job. Source: POST /videos, status 408, June 2026."""


def new_entry(key: str, seed: int, *, file: str = "") -> dict[str, Json]:
    """Return one entry of a job: key and file name differ for upscales only."""
    return {
        "key": key,
        "file": file or key,
        "seed": seed,
        "workflow": str(uuid.uuid4()),
        "operation": uuid.uuid4().hex,
    }


def seeds(first: int | None, count: int) -> list[int]:
    """Return the seeds of the variants: one after the other."""
    start = secrets.randbelow(2**31 - 4) if first is None else first
    return [start + n for n in range(count)]


async def videos(call: Call) -> Answer:
    """`POST /videos`: text, frames, references or a clip to video."""
    house = call.house
    body = call.body(allows_form=True)
    params.check(body, params.videos(house.table), "prompt")
    found = references.gather(house.state, call.user, body)
    order = rules.video(house.table, body, found)
    account = house.desk.chosen(body.get("email"), found.emails, order.model.name)
    size = house.sizes.clip(order.aspect, order.resolution)
    recipe: dict[str, Json] = {"op": "clip", "text": order.prompt[:200]}
    for name, media in (("start", order.start), ("end", order.end)):
        if media:
            recipe[name] = media.key
    if order.source and order.window:
        recipe = {"op": "edit", "source": order.source.key, "window": list(order.window), "text": order.prompt[:200]}
    base = ids.media_id(user=call.user, email=account.email, kind="image", key=order.start.key) if order.start else ""
    return await _make(call, order, account, recipe=recipe, size=size, origin="generated", base=base)


async def extend(call: Call) -> Answer:
    """`POST /videos/extend`: eight more seconds, the first of which repeats the last one of the source."""
    house = call.house
    body = call.body()
    params.check(body, params.extend(house.table), "mediaGenerationId", "prompt")
    found = references.gather(house.state, call.user, body)
    order = rules.extension(house.table, body, found)
    source = found.media["mediaGenerationId"]
    account = house.desk.chosen(None, found.emails, order.model.name)
    recipe = {"op": "extend", "source": source.key, "text": order.prompt[:200]}
    size = (source.width, source.height)
    return await _make(call, order, account, recipe=recipe, size=size, origin="extended", base="")


async def _make(
    call: Call,
    order: VideoOrder,
    account: Account,
    *,
    recipe: Mapping[str, Json],
    size: tuple[int, int],
    origin: str,
    base: str,
) -> Answer:
    house, body = call.house, call.body()
    plan = house.desk.plan(account)
    rules.check_plan(order, plan, is_june=house.table.is_june)
    each = tables.credits_for(
        house.table, order.model, mode=order.mode, seconds=order.seconds, resolution=order.resolution, plan=plan
    )
    house.desk.admit(account, order.model.name, credits_needed=each * order.count, is_video=True)
    entries: list[dict[str, Json]] = []
    media: list[Media] = []
    for seed in seeds(order.seed, order.count):
        key = str(uuid.uuid4())
        entry = new_entry(key, seed)
        if base:
            entry["base"] = base
        entries.append(entry)
        media.append(
            Media(
                key=key, user=call.user, email=account.email, kind="video", origin=origin, family=order.model.family,
                aspect=order.aspect, width=size[0], height=size[1], frames=order.frames, created=call.now,
                recipe={**recipe, "seed": seed}, workflow=entry["workflow"], title=order.prompt[:40],
            )
        )  # fmt: skip
    work = Work(
        operation="videos/extend" if order.mode == "extend" else "videos",
        family="videos",
        account=account,
        user=call.user,
        model=order.model.name,
        internal=tables.internal_name(order.model, mode=order.mode, seconds=round(order.seconds)),
        request=body,
        entries=entries,
        media=tuple(media),
        credits_each=each,
        seconds=house.job_seconds(),
        is_sync=not body.get("async", False),
    )
    return await conclude(call, call.accept(work))


async def conclude(call: Call, job: Job) -> Answer:
    """Answer at once with 201, or wait for the end of a synchronous job."""
    for entry in job.entries:
        if media := call.house.state.media.get(entry["file"]):
            call.house.studio.begin(media)
    if not job.is_sync:
        return Answer(201, replies.accepted(job))
    await asyncio.sleep(min(SYNC_LIMIT_S, max(0.0, job.ends - call.now)))
    if job.ends - job.created > SYNC_LIMIT_S:  # the job goes on, and is paid
        raise refusals.plain(408, "Polling timeout")
    return finished(call, job)


def finished(call: Call, job: Job) -> Answer:
    """Return the synchronous answer of a job that has ended; here the id is spelled `jobId`."""
    if job.failure:
        return Answer(job.http_status, {"jobId": job.id, **replies.failure(job)})
    shown = replies.finished(job, call.house.state.media, call.links(job.ends))
    return Answer(200, {"jobId": job.id, **shown})


async def upscale(call: Call) -> Answer:
    """`POST /videos/upscale`: the same clip, larger; the same upscale again is free."""
    house = call.house
    body = call.body()
    params.check(body, params.upscale(house.table), "mediaGenerationId")
    resolution = "4K" if body.get("resolution") == "4k" else body.get("resolution", "1080p")
    found = references.gather(house.state, call.user, body)
    source = found.media["mediaGenerationId"]
    if source.origin not in ("generated", "extended"):
        raise refusals.bad("Only generated videos can be upscaled")
    width, height = house.sizes.upscaled(source.width, source.height, resolution)
    if width <= source.width:
        raise refusals.bad(f"Video already has resolution {resolution} or higher")
    account = house.desk.chosen(None, found.emails, "upscale")
    _check_upscale_plan(call, account, resolution)
    key, file = f"{source.key}_upsampled", f"{source.key}_upsampled_{resolution.lower()}"
    known = house.state.media.get(file)
    is_repeat = known is not None and not known.is_deleted
    each = tables.UPSCALE_4K_CREDITS if resolution == "4K" and not is_repeat else 0
    house.desk.admit(account, "upscale", credits_needed=each, is_video=True)
    entry = new_entry(key, 0, file=file)
    made = Media(
        key=key, user=call.user, email=account.email, kind="video", origin="upscaled", family=source.family,
        aspect=source.aspect, width=width, height=height, frames=source.frames, created=call.now,
        recipe={"op": "scale", "source": source.key}, workflow=entry["workflow"], title=source.title,
    )  # fmt: skip
    work = Work(
        operation="videos/upscale",
        family="videos",
        account=account,
        user=call.user,
        model="",
        internal="veo_3_1_upsampler",
        request=body,
        entries=[entry],
        media=(made, replace(made, key=file)),
        credits_each=each,
        seconds=max(0.0, known.created - call.now) if known and is_repeat else house.job_seconds(),
        shows_operations=True,
        is_sync=not body.get("async", False),
    )
    return await conclude(call, call.accept(work))


def _check_upscale_plan(call: Call, account: Account, resolution: str) -> None:
    plan = call.house.desk.plan(account)
    if plan.rank == 0 or (resolution == "4K" and not plan.is_ultra):
        raise refusals.bad(f"Tier '{plan.tier}' does not have access to {resolution} upscale")


async def gif(call: Call) -> Answer:
    """`POST /videos/gif`: a small preview in the body."""
    body = call.body()
    params.check(body, params.GIF, "mediaGenerationId")
    media = references.media(call.house.state, call.user, body["mediaGenerationId"])
    account = call.house.desk.account(media.email)
    content = await call.house.studio.gif(media)
    call.house.desk.charge("videos/gif", account, request=body)
    return Answer(200, {"encodedGif": base64.b64encode(content).decode()})


async def concatenate(call: Call) -> Answer:
    """`POST /videos/concatenate`: two to ten clips in one file, in the body."""
    house = call.house
    body = call.body()
    params.check(body, params.CONCATENATE, "media")
    items = body["media"]
    if not 2 <= len(items) <= 10:
        raise refusals.bad("Parameter media must contain 2 to 10 items")
    parts: list[tuple[Media, int, int]] = []
    for item in items:
        if not isinstance(item, dict):
            raise refusals.wrong_format("media")
        params.check(item, params.item(house.table), "mediaGenerationId")
        media = references.media(house.state, call.user, item["mediaGenerationId"])
        parts.append((media, *rules.trims(item, media)))
    clips = [media for media, _, _ in parts]
    if len({clip.email for clip in clips}) > 1:
        raise refusals.bad(f"Email mismatch: references have '{clips[0].email}' and '{_other(clips)}'")
    if len({clip.aspect for clip in clips}) > 1:
        raise refusals.bad("Concatenation failed: videos have different aspect ratios")
    if house.table.is_june and any(clip.family == "omni" for clip in clips):
        raise refusals.bad("Concatenation failed")
    account = house.desk.account(clips[0].email)
    content = await house.studio.joined(parts)
    job = house.desk.accept(
        Work(
            operation="videos/concatenate", family="videos", account=account, user=call.user, model="", internal="",
            request=body, entries=[], credits_each=0, seconds=0.0, is_sync=True,
        ),
        None,
    )  # fmt: skip
    shown = {
        "jobId": job.id,
        "status": "MEDIA_GENERATION_STATUS_SUCCESSFUL",
        "inputsCount": len(parts),
        "encodedVideo": base64.b64encode(content).decode(),
    }
    return Answer(200, shown)


def _other(clips: list[Media]) -> str:
    return next(clip.email for clip in clips if clip.email != clips[0].email)
