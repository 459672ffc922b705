"""Every fault of a script, on real sockets, and what it costs."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_client import EMAIL, Flow

from veospec.emulator import fault_script, faults
from veospec.emulator.faults import Sight
from veospec.emulator.options import AccountOption, Options
from veospec.emulator.serve import running


@pytest.fixture
def calm(flow: Flow) -> Iterator[Flow]:
    """A client of the shared emulator whose script is empty before and after."""
    flow.faults()
    yield flow
    flow.faults()


BEFORE = [
    ({"fault": 400}, 400, "PUBLIC_ERROR_UNSAFE_GENERATION"),
    ({"fault": "refused", "reason": "DANGER_FILTER"}, 400, "PUBLIC_ERROR_DANGER_FILTER"),
    ({"fault": 400, "reason": "FINISH_REASON_INPUT_VIDEO_EDIT"}, 400, '"FINISH_REASON_INPUT_VIDEO_EDIT"'),
    ({"fault": 401}, 401, '"error":"Unauthorized"'),
    ({"fault": 402}, 402, "Not enough Flow credits"),
    ({"fault": 402, "reason": "subscription"}, 402, "Account has no subscription or subscription expired"),
    ({"fault": 403}, 403, "captcha_quality: PUBLIC_ERROR_UNUSUAL_ACTIVITY"),
    ({"fault": "model access denied"}, 403, "PUBLIC_ERROR_MODEL_ACCESS_DENIED"),
    ({"fault": "HTML 403"}, 403, "error code: 1010"),
    ({"fault": 404, "text": "Asset gone"}, 404, "Asset gone"),
    ({"fault": 408}, 408, "Polling timeout"),
    ({"fault": 412}, 412, "Not enough credits"),
    ({"fault": 413}, 413, "Payload too large"),
    ({"fault": 422}, 422, "Content moderated"),
    ({"fault": 429}, 429, "PUBLIC_ERROR_USER_REQUESTS_THROTTLED"),
    ({"fault": 429, "reason": "USER_QUOTA"}, 429, "PUBLIC_ERROR_USER_QUOTA_REACHED"),
    ({"fault": 429, "reason": "PER_MODEL_DAILY"}, 429, "PUBLIC_ERROR_PER_MODEL_DAILY_QUOTA_REACHED"),
    ({"fault": 429, "reason": "TOO_MUCH_TRAFFIC"}, 429, "PUBLIC_ERROR_UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"),
    ({"fault": 429, "reason": "no_eligible_account"}, 429, '"error":"no_eligible_account"'),
    ({"fault": 500}, 500, "API error: 500"),
    ({"fault": "500 INTERNAL"}, 500, '"status":"INTERNAL"}}'),
    ({"fault": 502}, 502, "<h1>502 Bad Gateway</h1>"),
    ({"fault": 503}, 503, "PUBLIC_ERROR_HIGH_TRAFFIC"),
    ({"fault": 503, "reason": "MODEL_OVERLOADED"}, 503, "PUBLIC_ERROR_MODEL_OVERLOADED"),
    ({"fault": 503, "reason": "captcha"}, 503, "Captcha service failed: ERROR_ZERO_BALANCE"),
    ({"fault": 503, "reason": "ERROR_NO_SLOT_AVAILABLE"}, 503, "Captcha service failed: ERROR_NO_SLOT_AVAILABLE"),
    ({"fault": 504}, 504, "504 Gateway Time-out"),
    ({"fault": 596}, 596, "Failed to refresh session"),
]


@pytest.mark.parametrize(
    ("rule", "status", "text"), BEFORE, ids=[f"{r['fault']} {r.get('reason', '')}" for r, *_ in BEFORE]
)
def test_a_refusal_stands_in_for_the_call_once_and_costs_nothing(
    calm: Flow, rule: dict[str, Any], status: int, text: str
) -> None:
    calm.faults({"call": "videos", "number": 1, **rule})
    before = calm.total
    answer = calm.post("/videos", {"prompt": "x", "async": True})
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
    assert calm.total == before
    if status == 429:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["retryAfter"].endswith("Z")
    assert calm.post("/videos", {"prompt": "x", "async": True}).status_code == 201
    assert calm.total == before + 10


def test_how_long_a_429_says_to_wait(calm: Flow) -> None:
    calm.faults(
        {"call": "videos", "fault": 429, "retry": 7.5},
        {"call": "images", "fault": 503, "retry": 3},
        {"call": "upscale", "fault": 429, "reason": "PER_MODEL_DAILY"},
    )
    assert calm.post("/videos", {"prompt": "x"}).headers["retry-after"] == "8"
    assert calm.post("/images", {"prompt": "x"}).headers["retry-after"] == "3"
    daily = calm.post("/videos/upscale", {}).json()["retryAfter"]
    assert daily.endswith("T00:00:00.000Z")


@pytest.mark.parametrize("fault", [408, 500, 502, 504])
def test_an_unclear_answer_can_hide_a_paid_job(calm: Flow, fault: int) -> None:
    calm.faults({"call": "videos", "fault": fault, "accepted": True})
    before = calm.total
    assert calm.post("/videos", {"prompt": "x", "async": True, "replyRef": f"lost {fault}"}).status_code == fault
    assert calm.total == before + 10
    assert calm.charges[-1]["replyRef"] == f"lost {fault}"


def test_a_connection_cut_before_the_body_is_read_makes_nothing(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "cut before read"})
    before = calm.total
    with pytest.raises(httpx.TransportError):
        calm.post("/videos", {"prompt": "x", "async": True})
    assert calm.total == before


def test_a_lost_answer_is_paid_and_can_be_found_again(start: Any) -> None:
    flow = start(job_seconds=100)
    flow.faults({"call": "videos", "number": 2, "fault": "cut-after-accept"})
    flow.submit(replyRef="first")
    with pytest.raises(httpx.TransportError):
        flow.post("/videos", {"prompt": "x", "async": True, "replyRef": "second"})
    executing = flow.get("/jobs?options=executing").json()["videos"]["executing"]
    echoes = {flow.job(job).json()["request"]["replyRef"]: job for job in executing}
    assert set(echoes) == {"first", "second"}
    assert flow.total == 20
    flow.advance(200)
    assert flow.job(echoes["second"]).json()["status"] == "completed"
    assert echoes["second"] in flow.get("/jobs?options=history").json()["videos"]["history"]


def test_a_moderated_job_fails_at_the_end_and_costs_nothing(calm: Flow) -> None:
    calm.faults(
        {"call": "videos", "prompt": "blood", "number": "every", "fault": "moderation", "reason": "VIOLENCE_FILTER"}
    )
    before = calm.total
    record = calm.finished(calm.submit(prompt="no harm")) | {}
    assert record["status"] == "completed"
    record = calm.finished(calm.submit(prompt="Blood everywhere"))
    assert (record["status"], record["error"], record["code"]) == ("failed", "API error: 400", 400)
    assert record["response"]["error"]["details"][0]["reason"] == "PUBLIC_ERROR_VIOLENCE_FILTER"
    assert calm.total == before + 10
    answer = calm.post("/videos", {"prompt": "blood"})
    assert (answer.status_code, "jobId" in answer.json()) == (400, True)


def test_a_job_can_fail_without_a_reason(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "job-failed"})
    record = calm.finished(calm.submit())
    assert (record["status"], record["error"]) == ("failed", "API error: 500")


def test_a_filtered_entry_has_no_link_and_is_not_paid(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "filtered-entry", "entry": 2})
    before = calm.total
    media = calm.finished(calm.submit(count=3))["response"]["media"]
    assert ["videoUrl" in entry for entry in media] == [True, False, True]
    filtered = media[1]["mediaMetadata"]
    assert filtered["visibility"] == "FILTERED"
    assert filtered["mediaStatus"]["failureReasons"] == ["PUBLIC_ERROR_UNSAFE_GENERATION"]
    assert calm.total == before + 20


def test_images_without_pictures(calm: Flow) -> None:
    calm.faults({"call": "images", "fault": "images-silent-refusal"})
    answer = calm.post("/images", {"prompt": "x", "count": 1})
    entry = answer.json()["media"][0]
    assert answer.status_code == 200
    assert "fifeUrl" not in json.dumps(entry)
    assert "encodedImage" not in json.dumps(entry)


@pytest.mark.parametrize("where", ["image", "entry"])
def test_images_in_the_body(calm: Flow, where: str) -> None:
    calm.faults({"call": "images", "fault": "encoded-image", "where": where})
    entry = calm.post("/images", {"prompt": "x", "count": 1}).json()["media"][0]
    holder = entry if where == "entry" else entry["image"]["generatedImage"]
    assert holder["encodedImage"].startswith("/9j/")
    assert "fifeUrl" not in json.dumps(entry)


def test_links_that_are_dead_on_arrival(calm: Flow) -> None:
    job = calm.submit()
    calm.finished(job)
    calm.faults({"call": "job", "fault": "expired-link"}, {"call": "download", "number": 2, "fault": "expired link"})
    dead = calm.job(job).json()["response"]["media"][0]["videoUrl"]
    assert calm.file(dead).status_code == 403
    alive = calm.job(job).json()["response"]["media"][0]["videoUrl"]
    assert [calm.file(alive).status_code for _ in range(2)] == [403, 200]


@pytest.mark.parametrize(("fault", "status"), [("job-vanished", 404), ("job vanished", 404), ("job-expired", 410)])
def test_jobs_that_are_gone(calm: Flow, fault: str, status: int) -> None:
    job = calm.submit()
    calm.faults({"call": "GET /jobs/*", "number": "1-2", "fault": fault})
    assert [calm.job(job).status_code for _ in range(3)] == [status, status, 200]


@pytest.mark.parametrize(("fault", "status"), [("job-vanished", 404), ("job-expired", 410)])
def test_a_job_can_be_made_to_be_lost_for_good_and_is_paid(calm: Flow, fault: str, status: int) -> None:
    calm.faults({"call": "videos", "fault": fault})
    before = calm.total
    lost, other = calm.submit(), calm.submit()
    assert calm.total == before + 20
    assert [calm.job(lost).status_code for _ in range(2)] == [status, status]
    assert calm.job(other).status_code == 200
    calm.advance(10)
    shown = calm.get("/jobs?options=history").json()["videos"]["history"]
    assert (lost in shown, other in shown) == (status == 410, True)


def test_a_job_can_be_made_whose_links_are_dead_when_they_are_first_seen(start: Any) -> None:
    flow = start(job_seconds=100)
    flow.faults({"call": "videos", "fault": "expired-link"})
    job = flow.submit()
    assert flow.job(job).json()["status"] == "created"
    statuses = [flow.file(flow.finished(job)["response"]["media"][0]["videoUrl"]).status_code for _ in range(2)]
    assert statuses == [403, 200]


def test_a_script_decides_how_long_an_account_rests(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL), AccountOption("second@example.com")))
    flow.faults({"call": "videos", "account": EMAIL, "number": "1-2", "fault": 429, "retry": 60})
    assert flow.post("/videos", {"prompt": "x", "email": EMAIL}).status_code == 429
    (rest,) = flow.get("/jobs").json()["videos"]["quarantined"]
    assert (rest["email"], rest["model"]) == ("st***@example.com", "*")
    for _ in range(3):
        assert "-email:se***@" in flow.submit()
    flow.advance(1000)
    assert "quarantined" not in flow.get("/jobs").json()["videos"]


def test_a_refused_captcha_names_a_job_that_never_was(calm: Flow) -> None:
    calm.faults({"call": "videos", "number": "1-2", "fault": 403})
    body = calm.post("/videos", {"prompt": "x", "captchaRetry": 3}).json()
    assert set(body) == {"jobId", "error", "code", "response"}
    assert body["error"].endswith("after 3 attempts")
    assert calm.job(body["jobId"]).status_code == 404
    calm.advance(400)
    stats = calm.get("/accounts/captcha-stats?limit=50").json()["data"]
    assert body["jobId"] in [row["jobId"] for row in stats]
    tried = calm.post("/videos", {"prompt": "x", "captchaOrder": "CapSolver,CapSolver"}).json()["error"]
    assert tried.endswith("after 2 attempts")


def test_a_redirect(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "redirect", "to": "http://127.0.0.1:1/elsewhere"})
    answer = calm.post("/videos", {"prompt": "x", "async": True})
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:1/elsewhere")


def test_broken_json_after_a_paid_job(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "bad-json"}, {"call": "jobs", "fault": "huge-json"})
    before = calm.total
    answer = calm.post("/videos", {"prompt": "x", "async": True})
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        answer.json()
    assert calm.total == before + 10
    assert len(calm.get("/jobs").content) > 16 << 20


def raw_get(url: str) -> tuple[dict[str, str], bytes]:
    """Return head and body of a plain GET as they come over the wire until the server closes."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as wire:
        wire.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        content = b""
        while piece := wire.recv(65536):
            content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    fields = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return {name.lower(): value for name, _, value in fields}, body


@pytest.mark.parametrize("fault", ["truncated-body", "wrong-length", "no-length"])
def test_bodies_that_are_not_what_they_say(calm: Flow, fault: str) -> None:
    url = calm.made()["videoUrl"]
    whole = calm.file(url).content
    calm.faults({"call": "download", "fault": fault})
    head, body = raw_get(url)
    half = whole[: len(whole) // 2]
    assert (head.get("content-length"), body) == {
        "truncated-body": (str(len(whole)), half),
        "wrong-length": (str(len(half)), half),
        "no-length": (None, whole),
    }[fault]
    assert raw_get(url)[1] == whole


def test_slow_and_dripping_answers(calm: Flow) -> None:
    calm.faults(
        {"call": "accounts", "fault": "slow", "seconds": 0.2}, {"call": "account", "fault": "drip", "seconds": 0.5}
    )
    begun = time.monotonic()
    assert calm.get("/accounts").status_code == 200
    assert time.monotonic() - begun >= 0.2
    with httpx.Client(base_url=calm.address.base_url, timeout=5) as client:
        headers = {"Authorization": f"Bearer {calm.token}", "User-Agent": "t"}
        with client.stream("GET", f"/accounts/{EMAIL}", headers=headers) as answer:
            assert next(answer.iter_raw()) == b"{"


def test_slow_makes_the_job_before_it_answers(calm: Flow) -> None:
    calm.faults({"call": "videos", "fault": "slow", "seconds": 30})
    before = calm.total
    with pytest.raises(httpx.ReadTimeout):
        calm.post("/videos", {"prompt": "x", "async": True}, timeout=0.3)
    assert calm.total == before + 10


# -- matching and counting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "sight", "fits"),
    [
        ({"call": "videos"}, Sight("videos", "POST", "/videos"), True),
        ({"call": "videos"}, Sight("videos/extend", "POST", "/videos/extend"), False),
        ({"call": ["extend", "upscale"]}, Sight("videos/upscale", "POST", "/videos/upscale"), True),
        ({"call": "generate"}, Sight("images", "POST", "/images"), True),
        ({"call": "generate"}, Sight("assets", "POST", "/assets"), False),
        ({"call": "any"}, Sight("job", "GET", "/jobs/j1"), True),
        ({"call": "poll"}, Sight("job", "GET", "/jobs/j1"), True),
        ({"call": "POST /videos*"}, Sight("videos/extend", "POST", "/videos/extend"), True),
        ({"call": "post /v1/google-flow/videos"}, Sight("videos", "POST", "/videos"), True),
        ({"call": "GET /jobs"}, Sight("job", "GET", "/jobs/j1"), False),
        ({"call": "GET /jobs/{jobId}"}, Sight("job", "GET", "/jobs/j1"), True),
        ({"call": "/jobs/*"}, Sight("job", "GET", "/jobs/j1"), True),
        ({"path": "/videos"}, Sight("videos", "POST", "/videos"), True),
        ({"path": "/v1/google-flow/videos/*"}, Sight("videos", "POST", "/videos"), False),
        ({"path": "/characters*", "method": "get"}, Sight("characters", "POST", "/characters"), False),
        (
            {"call": "download", "path": "/flow-content/video/*"},
            Sight("download", "GET", "/flow-content/image/1"),
            False,
        ),
        ({"call": "videos", "model": "omni-flash"}, Sight("videos", "POST", "/videos", "veo-3.1-fast"), False),
        ({"call": "videos", "account": "A@b.de"}, Sight("videos", "POST", "/v", "", frozenset({"a@b.de"})), True),
        ({"call": "videos", "account": "a@b.de"}, Sight("videos", "POST", "/v", "", frozenset({"c@b.de"})), False),
        ({"call": "videos", "prompt": "STORM"}, Sight("videos", "POST", "/v", "", frozenset(), "a storm comes"), True),
    ],
)
def test_matching(rule: dict[str, Any], sight: Sight, fits: bool) -> None:
    (read,) = fault_script.read([{"fault": 500, **rule}])
    assert faults.matches(read, sight) == fits


def test_the_first_of_several_rules_wins_and_all_count(calm: Flow) -> None:
    calm.faults(
        {"call": "generate", "number": 2, "fault": 503},
        {"call": "videos", "number": "2-3", "fault": 500},
    )
    statuses = [calm.post("/videos", {"prompt": "x", "async": True}).status_code for _ in range(4)]
    assert statuses == [201, 503, 500, 201]
    assert [rule["seen"] for rule in calm.admin("faults")["rules"]] == [4, 4]
    assert calm.admin("calls")["calls"][-2]["fault"] == "500"


def test_rules_see_the_account_behind_references(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL), AccountOption("second@example.com")))
    flow.faults({"call": "videos", "account": EMAIL, "number": "every", "fault": 429, "reason": "USER_QUOTA"})
    picture = flow.picture()
    assert flow.post("/videos", {"prompt": "x", "startImage": picture}).status_code == 429
    assert flow.post("/videos", {"prompt": "x", "email": "second@example.com"}).status_code == 200
    assert "se***" in flow.submit()  # the first rests for half an hour


def test_every_fault_is_documented_and_every_call_known() -> None:
    assert faults.HELP
    for name in faults.FAULTS:
        assert name in faults.HELP
    from veospec.emulator import routes

    named = {name for methods in routes._ROWS.values() for name, _ in methods.values()}
    assert named | {"download"} == set(faults.CALLS)


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    options = Options(
        job_seconds=0,
        media="small",
        state=tmp_path,
        faults=fault_script.read([{"call": "videos", "number": 2, "fault": 500}]),
    )
    seen = []
    for _ in range(3):
        with running(options) as address, Flow(address) as flow:
            seen.append(flow.post("/videos", {"prompt": "x"}).status_code)
    assert seen == [200, 500, 200]


def test_a_596_reaches_the_standard_library_too(calm: Flow) -> None:
    calm.faults({"call": "accounts", "fault": 596})
    parts = urlsplit(calm.address.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    connection.request(
        "GET", f"{parts.path}/accounts", headers={"Authorization": f"Bearer {calm.token}", "User-Agent": "t"}
    )
    assert connection.getresponse().status == 596
    connection.close()
