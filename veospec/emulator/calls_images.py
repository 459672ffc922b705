"""The calls that make pictures. They are synchronous: the answer holds the result."""

from __future__ import annotations

import asyncio
import base64
import uuid

from msgspec.structs import replace

from veospec.emulator import params, references, refusals, rules
from veospec.emulator.calls_videos import finished, new_entry, seeds
from veospec.emulator.desk import Work
from veospec.emulator.rules import Gathered, ImageOrder
from veospec.emulator.state import Account, Job, Media
from veospec.emulator.web import Answer, Call


async def images(call: Call) -> Answer:
    """`POST /images`."""
    house = call.house
    body = call.body(allows_form=True)
    params.check(body, params.images(house.table), "prompt")
    found = references.gather(house.state, call.user, body)
    order = rules.image(house.table, body, found)
    account = house.desk.chosen(body.get("email"), found.emails, order.model.name)
    house.desk.admit(account, order.model.name, credits_needed=0, is_video=False)
    entries = [new_entry(str(uuid.uuid4()), seed) for seed in seeds(order.seed, order.count)]
    for entry in entries:
        _keep(call, order, account, found, key=entry["key"], seed=entry["seed"], workflow=entry["workflow"])
    if call.fault("images-silent-refusal"):
        for entry in entries:
            entry["silent"] = True
    work = Work(
        operation="images",
        family="images",
        account=account,
        user=call.user,
        model=order.model.name,
        internal=order.model.google,
        request=body,
        entries=entries,
        credits_each=0,
        seconds=house.options.sync_seconds,
        is_sync=True,
    )
    job = house.desk.accept(work, call.rule)
    await asyncio.sleep(max(0.0, job.ends - call.now))
    return finished(call, await _encoded(call, job))


def _keep(
    call: Call, order: ImageOrder, account: Account, found: Gathered, *, key: str, seed: int, workflow: str
) -> None:
    width, height = _size(call, order, found)
    call.house.state.put_media(
        Media(
            key=key, user=call.user, email=account.email, kind="image", origin="generated", family="image", aspect="",
            width=width, height=height, frames=1, created=call.now,
            recipe={"op": "card", "seed": seed, "text": order.prompt[:200]}, workflow=workflow, title=order.prompt[:40],
        )
    )  # fmt: skip


def _size(call: Call, order: ImageOrder, found: Gathered) -> tuple[int, int]:
    if order.aspect != "auto":
        return call.house.sizes.still(order.aspect)
    like = order.like
    if like is None:
        pictures = [key for character in found.characters.values() for key in character.pictures]
        like = next((call.house.state.media[key] for key in pictures if key in call.house.state.media), None)
    return call.house.sizes.still_like(like.width, like.height) if like else call.house.sizes.still("1:1")


async def _encoded(call: Call, job: Job) -> Job:
    """Return the job with its pictures as base64 when the script wants them so; the state keeps links."""
    rule = call.fault("encoded-image")
    if not rule:
        return job
    shown = []
    for entry in job.entries:
        content = await call.house.studio.file(call.house.state.media[entry["key"]])
        shown.append({**entry, "encoded": base64.b64encode(content).decode(), "where": rule.where})
    return replace(job, entries=shown)


async def upscale(call: Call) -> Answer:
    """`POST /images/upscale`: twice or four times as wide, in the body."""
    house = call.house
    body = call.body()
    params.check(body, params.IMAGE_UPSCALE, "mediaGenerationId")
    media = references.media(house.state, call.user, body["mediaGenerationId"])
    if media.origin != "generated":
        raise refusals.bad("Only generated images can be upscaled")
    account = house.desk.account(media.email)
    is_4k = body.get("resolution", "2k") == "4k"
    if is_4k and house.desk.plan(account).rank == 0:
        raise refusals.captcha_quality(int(body.get("captchaRetry", house.table.captcha_retry)))
    content = await house.studio.enlarged(media, 4 if is_4k else 2)
    house.desk.charge("images/upscale", account, request=body)
    return Answer(200, {"encodedImage": base64.b64encode(content).decode(), "captcha": house.desk.captcha()})
