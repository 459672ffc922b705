"""Jobs, links, operations on clips, the library, the ledger, the balancer, restarts."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from emulator_client import EMAIL, HEX, Flow, clip, png

from veospec.emulator.options import AccountOption, Options, parse_account
from veospec.emulator.serve import running
from veospec.errors import UsageError
from veospec.media import testcard

OTHER = "second@example.com"
JOB = re.compile(r"j\d+[vi]-u777-email:st\*\*\*@example\.com-bot:google-flow\Z")


def test_jobs_of_many_lengths(start: Any) -> None:
    """Between the shortest and the longest time that was asked for, and each start draws the same."""
    ended = []
    for _ in range(2):
        flow = start(job_seconds=100, job_spread=50)
        jobs = [flow.post("/videos", {"prompt": "x", "async": True, "email": EMAIL}).json()["jobid"] for _ in range(8)]
        flow.advance(99)
        assert not any(flow.job(job).json()["status"] == "completed" for job in jobs)
        flow.advance(26)
        ended.append([flow.job(job).json()["status"] == "completed" for job in jobs])
        flow.advance(30)
        assert all(flow.job(job).json()["status"] == "completed" for job in jobs)
    assert ended[0] == ended[1]
    assert len(set(ended[0])) == 2


def test_a_job_is_created_started_and_completed(start: Any) -> None:
    flow = start(job_seconds=100)
    answer = flow.post("/videos", {"prompt": "x", "async": True, "replyRef": "vs1:a", "email": EMAIL, "seed": 4})
    first = answer.json()
    assert (answer.status_code, first["status"], "jobId" in first) == (201, "created", False)
    assert JOB.match(first["jobid"])
    assert first["request"]["email"] == "st***@example.com"
    assert first["response"]["operations"][0]["status"] == "MEDIA_GENERATION_STATUS_PENDING"
    assert first["response"]["captcha"]["attempts"][0]["success"] is True
    seen = [flow.job(first["jobid"]).json()["status"]]
    for _ in range(2):
        flow.advance(60)
        seen.append(flow.job(first["jobid"]).json()["status"])
    assert seen == ["created", "started", "completed"]
    record = flow.job(first["jobid"]).json()
    assert record["replyRef"] == record["request"]["replyRef"] == "vs1:a"
    assert record["response"]["remainingCredits"] == 24_990
    entry = record["response"]["media"][0]
    assert entry["video"]["generatedVideo"]["seed"] == 4
    assert re.match(rf"user:777-email:{HEX}-video:[0-9a-f-]{{36}}\Z", entry["mediaGenerationId"])


def test_a_synchronous_call_spells_the_id_the_other_way(flow: Flow) -> None:
    answer = flow.post("/videos", {"prompt": "x", "count": 2, "seed": 8})
    body = answer.json()
    assert (answer.status_code, "jobid" in body) == (200, False)
    assert JOB.match(body["jobId"])
    assert [entry["video"]["generatedVideo"]["seed"] for entry in body["media"]] == [8, 9]


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (lambda job: quote(job, safe=""), 400, "Invalid job ID format"),
        (lambda job: job.replace(":", "%3A"), 400, "Invalid job ID format"),
        (lambda job: job.replace("@", "%40"), 400, "Invalid job ID format"),
        (lambda job: "job-1", 400, "Invalid job ID format"),
        (lambda job: job.replace("j", "j9", 1), 404, "Job not found"),
        (lambda job: job.replace("-u777-", "-u778-"), 403, "Unauthorized access to user:778"),
    ],
)
def test_job_ids_stand_raw_in_the_path(flow: Flow, change: Any, status: int, text: str) -> None:
    answer = flow.job(change(flow.submit()))
    assert (answer.status_code, text in answer.json()["error"]) == (status, True)


def test_a_job_expires_after_a_week(start: Any) -> None:
    flow = start()
    job = flow.submit()
    flow.advance(7 * 86_400 - 60)
    assert flow.job(job).status_code == 200
    flow.advance(120)
    answer = flow.job(job)
    assert (answer.status_code, answer.json()) == (410, {"error": "Job has expired", "code": 410})


@pytest.mark.parametrize(("table", "hours"), [("june", 24), ("november", 6)])
def test_links_die_and_are_signed_anew(start: Any, table: str, hours: int) -> None:
    flow = start(table=table)
    job = flow.submit()
    old = flow.finished(job)["response"]["media"][0]
    now = flow.admin("clock")["now"]
    assert int(parse_qs(urlsplit(old["videoUrl"]).query)["Expires"][0])
    assert flow.file(old["videoUrl"]).status_code == 200, now
    flow.advance(hours * 3600)
    assert flow.file(old["videoUrl"]).status_code == 403
    assert flow.file(old["thumbnailUrl"]).status_code == 403
    fresh = flow.job(job).json()["response"]["media"][0]["videoUrl"]
    assert flow.file(fresh).status_code == 200
    link = flow.get(f"/assets/{quote(old['mediaGenerationId'], safe='')}").json()
    assert link["mediaGenerationId"] == old["mediaGenerationId"]
    assert flow.file(link["url"]).content == flow.file(fresh).content
    assert flow.file(fresh.replace("Expires=", "Expires=9")).status_code == 403


def test_a_download_has_length_tag_and_ranges(flow: Flow) -> None:
    url = flow.made()["videoUrl"]
    whole = flow.file(url)
    assert whole.headers["content-type"] == "video/mp4"
    assert int(whole.headers["content-length"]) == len(whole.content) > 1000
    tag = whole.headers["etag"]
    part = flow.file(url, headers={"Range": "bytes=100-199", "If-Range": tag})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    rest = flow.file(url, headers={"Range": "bytes=500-"})
    assert rest.content == whole.content[500:]
    assert flow.file(url, headers={"Range": "bytes=-7"}).content == whole.content[-7:]
    assert flow.file(url, headers={"Range": "bytes=0-", "If-Range": '"other"'}).status_code == 200
    assert flow.file(url, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert flow.file(url, headers={"Authorization": "Bearer leak"}).status_code == 200
    assert flow.admin("calls")["calls"][-1]["hasToken"] is True


# -- telemetry --------------------------------------------------------------------------------------------


def test_the_telemetry_shows_what_runs_and_what_has_ended(start: Any) -> None:
    flow = start(job_seconds=100)
    done = flow.submit(replyRef="a")
    flow.advance(101)
    running_job = flow.submit(replyRef="b")
    plain = flow.get("/jobs").json()
    assert plain["emails"] == ["st***@example.com"]
    assert "executing" not in plain["videos"]
    assert "history" not in plain["videos"]
    assert plain["videos"]["summary"]["st***@example.com"]["executing"] == 1
    executing = flow.get("/jobs/?options=executing").json()["videos"]["executing"]
    assert list(executing) == [running_job]
    assert set(executing[running_job]) == {"email", "timestamp", "elapsed"}
    history = flow.get("/jobs?options=history").json()["videos"]["history"]
    assert (list(history), history[done]["httpStatus"]) == ([done], 200)
    flow.advance(1000)
    assert flow.get("/jobs?options=history").json()["videos"]["history"] == {}
    assert flow.get("/jobs?options=all").status_code == 400


def test_the_history_holds_ten(start: Any) -> None:
    flow = start()
    jobs = [flow.submit() for _ in range(12)]
    flow.advance(10)
    assert set(flow.get("/jobs?options=history").json()["combined"]["history"]) <= set(jobs)
    assert len(flow.get("/jobs?options=history").json()["combined"]["history"]) == 10


def test_captcha_stats_come_late_and_know_the_jobs(start: Any) -> None:
    flow = start()
    job = flow.submit()
    assert flow.get("/accounts/captcha-stats?limit=10").json()["total"] == 0
    flow.advance(301)
    stats = flow.get("/accounts/captcha-stats?limit=10").json()
    assert stats["data"][0]["jobId"] == job
    assert stats["summary"]["by_status_code_videos"] == {"200": 1}
    assert flow.get("/accounts/captcha-stats?limit=0").status_code == 400


def test_accounts_tell_credits_and_plan(flow: Flow) -> None:
    listed = flow.get("/accounts").json()
    assert listed[EMAIL]["health"] == "OK"
    one = flow.get(f"/accounts/{quote(EMAIL, safe='')}").json()
    assert one["credits"]["userPaygateTier"] == "PAYGATE_TIER_TWO"
    assert one["credits"]["sku"] == "G1_TIER2"
    keys = {row["key"]: row.get("creditCost") for row in one["models"]["videoModels"]}
    assert keys["veo_3_1_t2v_fast"] == 10
    assert keys["veo_3_1_t2v_lite_low_priority"] is None
    assert flow.get("/accounts/nobody%40example.com").status_code == 404
    assert flow.get("/accounts/captcha-providers").json() == {"freeCaptchaCredits": 300}


# -- the balancer -----------------------------------------------------------------------------------------


def test_more_than_the_limit_is_throttled(start: Any) -> None:
    flow = start(job_seconds=100, concurrency=1, throttle_seconds=12)
    flow.submit()
    answer = flow.post("/videos", {"prompt": "x", "async": True})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "12")
    assert "PUBLIC_ERROR_USER_REQUESTS_THROTTLED" in answer.text
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z\Z", answer.json()["retryAfter"])
    flow.advance(101)
    flow.submit()
    assert [charge["credits"] for charge in flow.charges] == [10, 10]


def test_the_balancer_leaves_throttled_accounts_alone(start: Any) -> None:
    accounts = (AccountOption(EMAIL), AccountOption(OTHER))
    flow = start(job_seconds=100, concurrency=1, throttle_seconds=1800, accounts=accounts)
    jobs = [flow.submit(), flow.submit()]
    assert {"st***@" in job for job in jobs} == {True, False}
    for email in (EMAIL, OTHER):
        assert flow.post("/videos", {"prompt": "x", "email": email}).status_code == 429
    answer = flow.post("/videos", {"prompt": "x"})
    body = answer.json()
    assert (answer.status_code, body["error"]) == (429, "no_eligible_account")
    assert {entry["email"] for entry in body["skipReasons"]} == {"st***@example.com", "se***@example.com"}
    assert {entry["model"] for entry in body["skipReasons"]} == {"*"}
    assert int(answer.headers["retry-after"]) > 1000
    assert len(flow.get("/jobs").json()["videos"]["quarantined"]) == 2
    flow.advance(1801)
    flow.submit()


# -- other operations -------------------------------------------------------------------------------------


def test_extend_upscale_concatenate_and_gif(flow: Flow) -> None:
    before = flow.total
    source = flow.made(seed=3)
    extended = flow.made("/videos/extend", mediaGenerationId=source["mediaGenerationId"])
    assert extended["video"]["generatedVideo"]["model"] == "veo_3_1_extend_fast"
    job = flow.post(
        "/videos/upscale", {"mediaGenerationId": source["mediaGenerationId"], "resolution": "4K", "async": True}
    ).json()
    record = flow.finished(job["jobid"])
    larger = record["response"]["media"][0]
    assert larger["mediaGenerationId"] == source["mediaGenerationId"] + "_upsampled"
    assert larger["video"]["dimensions"]["length"] == "0s"
    assert record["response"]["operations"][0]["mediaGenerationId"] == larger["mediaGenerationId"]
    sizes = [testcard.measure(flow.file(entry["videoUrl"]).content) for entry in (source, extended, larger)]
    assert [(size.width, size.height, size.duration) for size in sizes] == [(320, 180, 8), (320, 180, 8), (960, 540, 8)]
    assert flow.total - before == 10 + 10 + 50
    again = flow.post(
        "/videos/upscale", {"mediaGenerationId": source["mediaGenerationId"], "resolution": "4k", "async": True}
    )
    assert again.status_code == 201
    assert flow.total - before == 70
    items = [
        {"mediaGenerationId": source["mediaGenerationId"]},
        {"mediaGenerationId": extended["mediaGenerationId"], "trimStart": 1, "trimEnd": 0.5},
    ]
    joined = flow.post("/videos/concatenate", {"media": items}).json()
    assert (joined["inputsCount"], joined["status"]) == (2, "MEDIA_GENERATION_STATUS_SUCCESSFUL")
    assert testcard.measure(base64.b64decode(joined["encodedVideo"])).duration == 8 + 6.5
    gif = base64.b64decode(
        flow.post("/videos/gif", {"mediaGenerationId": source["mediaGenerationId"]}).json()["encodedGif"]
    )
    assert gif[:6] == b"GIF89a"
    assert flow.total - before == 70


def test_images_are_upscaled_in_the_body(flow: Flow) -> None:
    still = flow.still(aspectRatio="1:1")
    answer = flow.post("/images/upscale", {"mediaGenerationId": still}).json()
    assert testcard.measure(base64.b64decode(answer["encodedImage"])).width == 512
    assert flow.post("/images/upscale", {"mediaGenerationId": still, "resolution": "4K"}).status_code == 400
    assert flow.post("/images/upscale", {"mediaGenerationId": flow.picture()}).status_code == 400


def test_june_enlarges_no_picture_of_imagen(june: Flow) -> None:
    refused = june.post("/images/upscale", {"mediaGenerationId": june.still(model="imagen-4")})
    assert (refused.status_code, "imagen-4" in refused.text) == (400, True)
    assert june.post("/images/upscale", {"mediaGenerationId": june.still(model="nano-banana")}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/videos/extend", {"prompt": "x"}, 400, "mediaGenerationId is required"),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "UPLOAD"}, 400, "Only generated"),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "OMNI"}, 400, "cannot be extended"),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "VEO", "email": EMAIL}, 400, "email not supported"),
        (
            "/videos/extend",
            {"prompt": "x", "mediaGenerationId": "VEO", "aspectRatio": "portrait"},
            400,
            "not supported",
        ),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "VEO", "duration": 8}, 400, "duration not supported"),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "VEO", "model": "omni-flash"}, 400, "model has"),
        ("/videos/extend", {"prompt": "x", "mediaGenerationId": "LARGER"}, 400, "Only generated"),
        ("/videos/upscale", {"mediaGenerationId": "UPLOAD"}, 400, "Only generated"),
        ("/videos/upscale", {"mediaGenerationId": "VEO", "resolution": "8K"}, 400, "resolution has incorrect format"),
        ("/videos/upscale", {"mediaGenerationId": "VEO", "resolution": "720p"}, 400, "already"),
        ("/videos/gif", {"mediaGenerationId": "IMAGE"}, 400, "incorrect format"),
        ("/videos/concatenate", {"media": [{"mediaGenerationId": "VEO"}]}, 400, "2 to 10"),
        ("/videos/concatenate", {"media": "x"}, 400, "media has incorrect format"),
        ("/videos/concatenate", {"media": [{"id": "VEO"}, {"id": "VEO"}]}, 400, "Parameter id not supported"),
        (
            "/videos/concatenate",
            {"media": [{"mediaGenerationId": "VEO"}, {"mediaGenerationId": "VEO", "trimStart": 4, "trimEnd": 4}]},
            400,
            "less than the video duration",
        ),
        (
            "/videos/concatenate",
            {"media": [{"mediaGenerationId": "VEO"}, {"mediaGenerationId": "VEO", "trimStart": 11}]},
            400,
            "trimStart has incorrect format",
        ),
        (
            "/videos/concatenate",
            {"media": [{"mediaGenerationId": "VEO"}, {"mediaGenerationId": "TALL"}]},
            400,
            "aspect",
        ),
    ],
)
def test_bad_operations(flow: Flow, path: str, body: dict[str, Any], status: int, text: str) -> None:
    makers = {
        "UPLOAD": lambda: flow.upload(clip(), "video/mp4"),
        "OMNI": lambda: flow.made(model="omni-flash")["mediaGenerationId"],
        "VEO": lambda: flow.made()["mediaGenerationId"],
        "TALL": lambda: flow.made(aspectRatio="portrait")["mediaGenerationId"],
        "IMAGE": flow.picture,
        "LARGER": lambda: flow.larger(flow.made()["mediaGenerationId"]),
    }

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return makers[value]() if isinstance(value, str) and value in makers else value

    answer = flow.post(path, filled(body))
    assert (answer.status_code, text in answer.text) == (status, True), answer.text


def test_june_joins_no_omni(june: Flow) -> None:
    omni = june.made(model="omni-flash")["mediaGenerationId"]
    answer = june.post("/videos/concatenate", {"media": [{"mediaGenerationId": omni}] * 2})
    assert (answer.status_code, answer.json()["error"]) == (400, "Concatenation failed")


# -- the library ------------------------------------------------------------------------------------------


def test_an_upload_nests_its_id_twice(flow: Flow) -> None:
    answer = flow.post(f"/assets/{quote(EMAIL, safe='')}", content=png(), headers={"Content-Type": "image/png"}).json()
    assert answer["mediaGenerationId"]["mediaGenerationId"].endswith("-image:" + answer["media"]["name"])
    assert (answer["width"], answer["height"], answer["email"]) == (64, 36, EMAIL)
    video = flow.post("/assets", content=clip(3), headers={"Content-Type": "video/mp4"}).json()
    assert "-video:" in video["mediaGenerationId"]["mediaGenerationId"]
    assert (video["durationSeconds"], video["media"]["video"]["dimensions"]["length"]) == (3.0, "3.000s")
    assert flow.charges[-1] == {**flow.charges[-1], "operation": "assets", "credits": 0}


@pytest.mark.parametrize(
    ("content", "media_type", "text"),
    [
        (b"", "image/png", "empty"),
        (png(), "image/gif", "not supported"),
        (png(), "image/jpeg", "does not match"),
        (b"not a picture at all", "image/png", "PUBLIC_ERROR_UNKNOWN_IMAGE_FILE_FORMAT"),
        (png() + bytes(20_971_520), "image/png", "is over 20971520 bytes"),
    ],
)
def test_bad_uploads(flow: Flow, content: bytes, media_type: str, text: str) -> None:
    answer = flow.post("/assets", content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, text in answer.text) == (400, True), answer.text


def test_an_upload_to_nobody_is_404(flow: Flow) -> None:
    answer = flow.post("/assets/nobody%40example.com", content=png(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 404


def test_voices_and_characters(flow: Flow) -> None:
    body = {"email": EMAIL, "voice": "Kore", "displayName": "low", "dialog": "Slowly.", "voicePerformance": "dry"}
    assert flow.post("/voices", {**body, "voice": "kore"}).status_code == 400
    voice = flow.post("/voices", body).json()
    assert (voice["source"], voice["baseVoice"]) == ("user", "Kore")
    assert flow.file(voice["audioUrl"]).content[:4] == b"RIFF"
    assert flow.get("/voices").status_code == 400
    assert len(flow.get(f"/voices?email={EMAIL}&source=system").json()["voices"]) == 30
    assert flow.get(f"/voices/{quote(voice['voice'], safe='')}").json()["displayName"] == "low"
    made = flow.post(
        "/characters",
        {
            "displayName": "Ada", "imageReference_1": flow.picture(1), "imageReference_2": flow.picture(2),
            "voice": voice["voice"],
        },
    ).json()  # fmt: skip
    assert f"-imgs:2-voice:{voice['voice']}" in made["character"]
    listed = flow.get(f"/characters?email={EMAIL}").json()["characters"][-1]
    assert listed["character"] == made["character"].partition("-imgs:")[0]
    # two pictures and the voice of the character count against the limits of a Veo clip
    body = {"prompt": "@character_1", "character_1": made["character"]}
    assert flow.post("/videos", {**body, "referenceImage_1": flow.picture()}).status_code == 200
    assert (
        flow.post(
            "/videos", {**body, "referenceImage_1": flow.picture(), "referenceImage_2": flow.picture(2)}
        ).status_code
        == 400
    )
    assert flow.post("/videos", {**body, "referenceAudio_1": "Puck"}).status_code == 400
    assert flow.delete(f"/voices/{quote(voice['voice'], safe='')}").json()["deleted"] is True
    orphan = flow.get(f"/characters/{quote(made['character'], safe='')}").json()["voice"]
    assert orphan == {"workflowId": voice["workflowId"], "deleted": True}
    assert flow.delete("/voices/Kore").status_code == 400
    assert flow.delete(f"/characters/{quote(made['character'], safe='')}").json()["entityId"] == made["entityId"]
    assert flow.post("/videos", body).status_code == 404


def test_what_is_not_made_yet_or_was_refused_is_no_asset(start: Any) -> None:
    flow = start(job_seconds=100)
    flow.faults(
        {"call": "videos", "number": 2, "fault": "moderation"}, {"call": "videos", "number": 3, "fault": "filtered"}
    )
    path = f"/assets/media/{quote(EMAIL, safe='')}"
    jobs = [flow.submit(prompt=text) for text in ("good", "bad", "hidden")]
    assert flow.get(path).json()["media"] == []
    flow.advance(101)
    (listed,) = flow.get(path).json()["media"]
    assert listed["mediaTitle"] == "good"
    hidden = flow.job(jobs[2]).json()["response"]["media"][0]["mediaGenerationId"]
    assert flow.get(f"/assets/{quote(hidden, safe='')}").status_code == 404
    assert flow.post("/videos/upscale", {"mediaGenerationId": hidden}).status_code == 404


def test_a_failed_upscale_is_paid_when_it_is_made_and_the_same_again_waits_for_it(start: Any) -> None:
    flow = start(job_seconds=100)
    source = flow.made()["mediaGenerationId"]
    before = flow.total
    flow.faults(
        {"call": "upscale", "number": 1, "fault": "moderation"}, {"call": "upscale", "number": 2, "fault": "filtered"}
    )
    body = {"mediaGenerationId": source, "resolution": "4K", "async": True}
    jobs = [flow.post("/videos/upscale", body).json()["jobid"] for _ in range(4)]
    assert flow.total == before + 50
    assert [flow.job(job).json()["status"] for job in jobs] == ["created"] * 4
    flow.advance(101)
    assert [flow.job(job).json()["status"] for job in jobs] == ["failed", "completed", "completed", "completed"]
    media = [flow.job(job).json()["response"]["media"][0] for job in jobs[1:]]
    assert ["videoUrl" in entry for entry in media] == [False, True, True]


def test_media_can_be_listed_and_deleted(flow: Flow, june: Flow) -> None:
    ref = flow.upload(png(9))
    path = quote(EMAIL, safe="")
    listed = flow.get(f"/assets/media/{path}").json()["media"]
    assert ref in [entry["mediaGenerationId"] for entry in listed]
    assert flow.get(f"/assets/projects/{path}").json()["projects"]
    assert flow.delete(f"/assets/{path}", {"mediaGenerationIds": [ref]}).status_code == 200
    assert flow.get(f"/assets/{quote(ref, safe='')}").status_code == 404
    assert flow.delete(f"/assets/{path}", {"mediaGenerationIds": []}).status_code == 400
    assert june.get(f"/assets/projects/{path}").status_code == 404


# -- state ------------------------------------------------------------------------------------------------


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    options = Options(job_seconds=50, media="small", state=tmp_path)
    with running(options) as address, Flow(address) as flow:
        upload = flow.upload(png())
        done = flow.made(startImage=upload, replyRef="one")
        content = flow.file(done["videoUrl"]).content
        job = flow.submit(replyRef="two")
        charges, clock = flow.charges, flow.admin("clock")["offset_s"]
        with pytest.raises(UsageError, match="cannot use"), running(options):
            pass
    with running(options) as address, Flow(address) as flow:
        assert flow.charges == charges
        assert flow.admin("clock")["offset_s"] == clock
        assert flow.job(job).json()["status"] in ("created", "started")
        assert job in flow.get("/jobs?options=executing").json()["videos"]["executing"]
        assert flow.finished(job)["replyRef"] == "two"
        link = flow.get(f"/assets/{quote(done['mediaGenerationId'], safe='')}").json()["url"]
        assert flow.file(link).content == content
        assert flow.get(f"/accounts/{EMAIL}").json()["credits"]["credits"] == 24_980
        flow.submit(startImage=upload)


def test_a_restart_needs_no_accounts_on_the_command_line(tmp_path: Path) -> None:
    given = (AccountOption(OTHER, "pro", 100),)
    with (
        running(Options(job_seconds=0, media="small", state=tmp_path, accounts=given)) as address,
        Flow(address) as flow,
    ):
        flow.submit()
    with running(Options(job_seconds=0, media="small", state=tmp_path)) as address, Flow(address) as flow:
        assert address.emails == (OTHER,)
        assert list(flow.get("/accounts").json()) == [OTHER]
    larger = (AccountOption(OTHER, "ultra-200", 9), AccountOption(EMAIL))
    with running(Options(media="small", state=tmp_path, accounts=larger)) as address, Flow(address) as flow:
        assert address.emails == (OTHER, EMAIL)
        known = flow.admin("accounts")[OTHER]
    assert known == {"plan": "ultra-200", "credits": 80}  # the balance is what was left


KILLED_AT = ("add_charge", "add_attempt", "put_media", "put_job", "put_account")


@pytest.mark.parametrize("step", KILLED_AT)
def test_a_kill_while_a_job_is_made_leaves_all_of_it_or_nothing(tmp_path: Path, step: str) -> None:
    program = f"""
import os, sys
from pathlib import Path
from veospec.emulator.state import State
from veospec.emulator.options import Options
from veospec.emulator.serve import serve
written = State.{step}
def die(self, *given):
    written(self, *given)
    if any(job.operation == "videos" for job in self.jobs.values()) or {step!r} in ("put_media", "put_account"):
        os._exit(9)
def arm(address):
    State.{step} = die
    print(address.base_url, flush=True)
serve(Options(job_seconds=0, media="small", state=Path(sys.argv[1])), arm)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base = process.stdout.readline().strip()
        headers = {"Authorization": "Bearer user:777-x"}
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{base}/videos", json={"prompt": "x", "async": True}, headers=headers, verify=False)
    assert process.returncode == 9
    with running(Options(media="small", state=tmp_path)) as address, Flow(address) as flow:
        jobs = flow.get("/jobs?options=history").json()["videos"]["history"]
        spent = 25_000 - flow.admin("accounts")[EMAIL]["credits"]
        assert (len(jobs), flow.total, spent) == (0, 0, 0)


@pytest.mark.parametrize("damage", ["no database", "a record of a later version"])
def test_a_state_that_cannot_be_read_is_told(tmp_path: Path, damage: str) -> None:
    options = Options(job_seconds=0, media="small", state=tmp_path)
    with running(options) as address, Flow(address) as flow:
        flow.submit()
    path = tmp_path / "emulator.sqlite3"
    if damage == "no database":
        path.write_bytes(b"not a database" * 100)
    else:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE records SET doc = json_set(doc, '$.later', 1) WHERE kind = 'job'")
        database.close()
    with pytest.raises(UsageError, match=r"the emulator cannot (use|read)"), running(options):
        pass


def test_a_link_of_before_a_restart_still_works(tmp_path: Path) -> None:
    options = Options(job_seconds=0, media="small", state=tmp_path)
    with running(options) as address, Flow(address) as flow:
        url = urlsplit(flow.made()["videoUrl"])
    with running(options) as address, Flow(address) as flow:
        assert flow.file(f"{address.root}{url.path}?{url.query}").status_code == 200


def test_the_ledger_holds_what_is_asked_of_it(flow: Flow) -> None:
    job = flow.submit(replyRef="vs1:k", model="veo-3.1-lite")
    charge = flow.charges[-1]
    assert charge == {
        "at": charge["at"],
        "account": EMAIL,
        "operation": "videos",
        "model": "veo-3.1-lite",
        "credits": 5,
        "jobid": job,
        "replyRef": "vs1:k",
        "request": {"prompt": "a clip", "async": True, "replyRef": "vs1:k", "model": "veo-3.1-lite"},
    }
    times = [entry["at"] for entry in flow.charges]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"host": "0.0.0.0"}, "loopback"),
        ({"table": "may"}, "no model table"),
        ({"media": "huge"}, "no media size"),
        ({"accounts": (AccountOption("a@b.de"), AccountOption("A@b.de"))}, "given twice"),
        ({"token": "secret"}, "user:<digits>-<suffix>"),
        ({"job_seconds": -1}, "0 to 2,592,000 seconds, not -1"),
        ({"job_seconds": float("nan")}, "not nan"),
        ({"image_seconds": float("inf")}, "not inf"),
        ({"concurrency": -1}, "negative"),
    ],
)
def test_bad_options(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Options(**options)


def test_a_dead_session_is_596_and_shows_in_the_accounts(start: Any) -> None:
    flow = start()
    source = flow.made()["mediaGenerationId"]
    flow.admin("accounts", {"email": EMAIL, "health": "Google has signed your account out"})
    answer = flow.post("/videos", {"prompt": "x"})
    assert (answer.status_code, "Failed to refresh session" in answer.json()["error"]) == (596, True)
    assert flow.post("/videos/extend", {"prompt": "x", "mediaGenerationId": source}).status_code == 596
    assert flow.post("/assets", content=png(), headers={"Content-Type": "image/png"}).status_code == 596
    listed = flow.get("/accounts").json()[EMAIL]
    assert set(listed) == {"health", "error", "created"}
    assert "credits" not in flow.get(f"/accounts/{EMAIL}").json()
    flow.admin("accounts", {"email": EMAIL, "health": "OK", "credits": 5})
    assert flow.get(f"/accounts/{EMAIL}").json()["credits"]["credits"] == 5
    assert flow.post("/videos", {"prompt": "x"}).status_code == 402


def test_refused_submissions_show_in_captcha_stats(start: Any) -> None:
    flow = start()
    flow.faults({"call": "videos", "fault": 403}, {"call": "images", "fault": 429, "reason": "TOO_MUCH_TRAFFIC"})
    flow.post("/videos", {"prompt": "x"})
    flow.post("/images", {"prompt": "x"})
    flow.advance(400)
    rows = flow.get("/accounts/captcha-stats?limit=5").json()["data"]
    assert [(row["route"], row["statusCode"], row["reason"]) for row in rows] == [
        ("images", 429, "PUBLIC_ERROR_UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"),
        ("videos", 403, "PUBLIC_ERROR_UNUSUAL_ACTIVITY"),
    ]
    assert JOB.match(rows[0]["jobId"])
    assert flow.job(rows[0]["jobId"]).status_code == 404


class _Listener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_webhook_on_loopback_is_told_at_each_step(start: Any) -> None:
    flow = start(job_seconds=0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Listener) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        job = flow.submit(replyUrl=url, replyRef="me")
        flow.submit(replyUrl="http://192.0.2.1/hook")  # never called: not loopback
        deadline = time.monotonic() + 10
        while len(server.heard) < 3 and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.01)
        server.shutdown()
        heard = server.heard  # type: ignore[attr-defined]
    assert [record["status"] for record in heard] == ["created", "started", "completed"]
    assert {(record["jobid"], record["replyRef"]) for record in heard} == {(job, "me")}
    assert heard[-1]["response"]["media"][0]["videoUrl"].startswith(flow.address.root)


def test_who_waits_for_a_synchronous_job_is_told_meanwhile(start: Any) -> None:
    flow = start(job_seconds=0.3, image_seconds=0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Listener) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        for path in ("/videos", "/images"):
            assert flow.post(path, {"prompt": "x", "count": 1, "replyUrl": url}).status_code == 200
            before = [record["status"] for record in list(server.heard)]  # type: ignore[attr-defined]
            assert before[:2] == ["created", "started"], path
            deadline = time.monotonic() + 10
            while len(server.heard) < 3 and time.monotonic() < deadline:  # type: ignore[attr-defined]
                time.sleep(0.01)
            assert server.heard[2]["type"] == path.strip("/s")  # type: ignore[attr-defined]
            server.heard.clear()  # type: ignore[attr-defined]
        server.shutdown()


def test_the_users_own_account(flow: Flow) -> None:
    root = flow.address.root
    headers = {"Authorization": f"Bearer {flow.token}"}
    assert flow.file(f"{root}/v2/account").status_code == 401
    assert flow.file(f"{root}/v2/account", headers=headers).json()["user"] == "user:777"
    assert flow.file(f"{root}/v2/account/stats", headers=headers).status_code == 200


def test_the_raw_bytes_of_an_asset(flow: Flow) -> None:
    ref = flow.upload(png(3))
    answer = flow.get(f"/assets/{quote(ref, safe='')}?raw=true")
    assert (answer.content, answer.headers["content-type"]) == (png(3), "image/png")


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("POST", "clock", {"advance_s": "soon"}, 400),
        ("POST", "faults", [{"call": "videos", "fault": "no such"}], 400),
        ("POST", "accounts", {"email": "nobody@example.com", "credits": 1}, 404),
        ("GET", "secrets", None, 404),
        ("DELETE", "", None, 404),
        ("POST", "ledger", {}, 404),
    ],
)
def test_bad_calls_of_the_emulators_own(flow: Flow, method: str, name: str, body: Any, status: int) -> None:
    url = f"{flow.address.root}/_emulator/{name}"
    answer = httpx.request(method, url, json=body, verify=False)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


def test_the_emulators_own_calls_explain_themselves(flow: Flow) -> None:
    told = flow.file(f"{flow.address.root}/_emulator/").text
    for name in ("ledger", "calls", "clock", "faults", "accounts"):
        assert f"/_emulator/{name} " in told


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("a@b.de", AccountOption("a@b.de", "ultra-200", 25_000)),
        ("a@b.de:pro", AccountOption("a@b.de", "pro", 25_000)),
        ("a@b.de:Ultra:9", AccountOption("a@b.de", "ultra-200", 9)),
        ("a@b.de:free:1_000", AccountOption("a@b.de", "free", 1000)),
    ],
)
def test_accounts_on_the_command_line(text: str, account: AccountOption) -> None:
    assert parse_account(text) == account


@pytest.mark.parametrize("text", ["", "a", "a@b.de:gold", "a@b.de:pro:many", "a@b.de:pro:1:2", "a b@c.de"])
def test_bad_accounts_on_the_command_line(text: str) -> None:
    with pytest.raises(UsageError):
        parse_account(text)


def test_accounts_come_and_go(start: Any) -> None:
    flow = start()
    assert flow.post("/accounts", {}).json()["error"] == "Parameter cookies is required"
    assert flow.post("/accounts", {"cookies": "SID=1"}).status_code == 400
    assert flow.delete(f"/accounts/{quote(EMAIL, safe='')}").status_code == 200
    assert flow.get("/accounts").json() == {}
    assert flow.post("/videos", {"prompt": "x"}).status_code == 404


def test_captcha_keys_go_in_whole_and_come_out_masked(start: Any) -> None:
    flow = start(table="june")
    assert flow.get("/accounts/captcha-providers").json() == {"freeCaptchaCredits": 100}
    shown = flow.post("/accounts/captcha-providers", {"CapSolver": "CAP-secret"}).json()
    assert shown == {"CapSolver": "CAP***"}
    assert flow.post("/accounts/captcha-providers", {"Nobody": "x"}).status_code == 400
    assert flow.post("/accounts/captcha-providers", {"CapSolver": ""}).json() == {"freeCaptchaCredits": 100}


def test_the_default_webhook_is_kept(start: Any) -> None:
    flow = start()
    url, headers = f"{flow.address.root}/v2/account", {"Authorization": f"Bearer {flow.token}"}
    with httpx.Client(headers=headers, verify=False) as client:
        assert client.post(url, json={"replyUrl": "http://127.0.0.1:9/h"}).json()["replyUrl"] == "http://127.0.0.1:9/h"
        assert client.get(url).json()["replyUrl"] == "http://127.0.0.1:9/h"
        assert client.post(url, json={"replyUrl": "http://h/" + "a" * 1024}).status_code == 400
        assert client.post(url, json={"name": "x"}).status_code == 400
        assert client.post(url, json={"replyUrl": ""}).json().get("replyUrl") is None
        flow.submit()
        flow.advance(400)
        assert client.get(url + "/stats").json()["data"][0]["count"] == 1


def test_captcha_stats_by_day_and_provider(start: Any) -> None:
    flow = start()
    flow.submit()
    day = flow.admin("clock")["now"][:10]
    flow.advance(86_400)
    assert flow.get(f"/accounts/captcha-stats?date={day}&provider=CapSolver").json()["total"] == 1
    assert flow.get("/accounts/captcha-stats?provider=AntiCaptcha&limit=5").json()["total"] == 0
    assert flow.get("/accounts/captcha-stats").json()["total"] == 0
    for date in ("yesterday", "2026-13-01", "2026-1-1", ""):
        assert flow.get(f"/accounts/captcha-stats?date={date}").status_code == 400
    assert flow.get("/accounts/captcha-stats?date=ignored&limit=5").status_code == 200


def test_the_first_provider_of_the_order_solves_the_captcha(start: Any) -> None:
    flow = start()
    job = flow.submit(captchaOrder="YesCaptcha, CapSolver")
    assert flow.job(job).json()["response"]["captcha"]["service"] == "YesCaptcha"
    flow.advance(400)
    assert flow.get("/accounts/captcha-stats?provider=YesCaptcha").json()["data"][0]["jobId"] == job
