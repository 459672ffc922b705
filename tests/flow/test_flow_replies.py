"""Readers: every shape the service is known to answer with, and none that breaks them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flow_builders import EMAIL, NOW, media
from hypothesis import given, settings
from hypothesis import strategies as st

from veospec.providers.flow import ids, readers, replies

JOB = "j1781500000000v-u777-email:st***@example.com-bot:google-flow"
VIDEO, IMAGE = media("video", "1d95"), media("image", "0c9e")
URL = "https://flow-content.google/video/1d95?Expires=1781590000&Signature=x"
PICTURE = b"\xff\xd8\xff picture"
B64 = base64.b64encode(PICTURE).decode()


def clip_entry(**changes: Any) -> dict[str, Any]:
    return {
        "mediaGenerationId": VIDEO,
        "videoUrl": URL,
        "video": {"generatedVideo": {"seed": 41, "model": "veo_3_1_t2v_fast"}},
    } | changes


def image_entry(*, outer: dict[str, Any] | None = None, **inner: Any) -> dict[str, Any]:
    return {"image": {"generatedImage": {"mediaGenerationId": IMAGE, "seed": 12} | inner}} | (outer or {})


FILTERED = clip_entry(
    videoUrl=None,
    mediaMetadata={
        "visibility": "FILTERED",
        "mediaStatus": {
            "error": {"code": 3, "message": "filtered"},
            "failureReasons": ["PUBLIC_ERROR_UNSAFE_GENERATION"],
        },
    },
)

# One entry each: (url, content, refused).
ENTRIES: dict[str, tuple[dict[str, Any], str, bytes | None, str]] = {
    "a clip": (clip_entry(), URL, None, ""),
    "a filtered clip": (FILTERED, "", None, "PUBLIC_ERROR_UNSAFE_GENERATION"),
    "filtered without a reason": (clip_entry(videoUrl=""), "", None, replies.SILENT),
    "a picture as a link": (image_entry(fifeUrl="https://x.example/a"), "https://x.example/a", None, ""),
    "a picture inside": (image_entry(encodedImage=B64), "", PICTURE, ""),
    "a picture on the entry": (image_entry(outer={"encodedImage": B64}), "", PICTURE, ""),
    "a picture as a data address": (image_entry(encodedImage=f"data:image/jpeg;base64,{B64}"), "", PICTURE, ""),
    "a silent refusal": (image_entry(), "", None, replies.SILENT),
    "a picture that is no base64": (image_entry(encodedImage="!!"), "", None, replies.SILENT),
    "a link with a line end": (clip_entry(videoUrl="https://x/\r\nA: b"), "", None, replies.SILENT),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_entry_is_judged_by_its_own_link(name: str) -> None:
    """A link or bytes make a result; anything else is a refusal."""
    entry, url, content, refused = ENTRIES[name]
    for document in ({"jobId": JOB, "media": [entry]}, {"jobid": JOB, "response": {"media": [entry]}}):
        (result,) = replies.results(document)
        assert (url, content, refused) == (result.url, result.content, result.refused)
        assert (result.receipt.job_id, result.receipt.account) == (JOB, EMAIL)


def test_a_clip_keeps_what_is_needed_later() -> None:
    """Media id, seed, model and the time its link dies."""
    (result,) = replies.results({"jobId": JOB, "media": [clip_entry()]})
    assert (result.receipt.media_id, result.receipt.seed, result.receipt.model) == (VIDEO, 41, "veo_3_1_t2v_fast")
    assert datetime.fromtimestamp(1781590000, UTC) == result.expires_at


def test_entries_stay_in_order_and_apart() -> None:
    """Of three variants one filtered: two results and one refusal."""
    found = replies.results({"media": [clip_entry(), FILTERED, clip_entry(videoUrl=URL + "2")]})
    assert [result.refused for result in found] == ["", "PUBLIC_ERROR_UNSAFE_GENERATION", ""]


def test_upscales_are_read_in_both_shapes() -> None:
    """`media[]` wins; the legacy operation serves where it stands alone; a promise is no result."""
    legacy = {"operation": {"metadata": {"video": {"fifeUrl": URL, "mediaGenerationId": VIDEO + "_upsampled"}}}}
    pending = {"operation": {"name": "x"}, "status": "MEDIA_GENERATION_STATUS_PENDING"}
    entry = clip_entry(
        mediaGenerationId=VIDEO + "_upsampled", video={"generatedVideo": {"seed": 0}, "dimensions": {"length": "0s"}}
    )
    (both,) = replies.results({"response": {"operations": [legacy], "media": [entry]}})
    (alone,) = replies.results({"response": {"operations": [legacy]}})
    assert (both.url, both.receipt.seed) == (URL, None)
    assert (alone.url, alone.receipt.media_id) == (URL, VIDEO + "_upsampled")
    assert replies.results({"response": {"operations": [pending]}}) == ()


IDS = [
    ("jobid", {"jobid": JOB}, JOB),
    ("jobId", {"jobId": JOB}, JOB),
    ("none", {"job": JOB}, ""),
    ("not a text", {"jobid": 7}, ""),
    ("climbs", {"jobid": "../../v2/account"}, ""),
    ("dots", {"jobid": ".."}, ""),
    ("a query", {"jobid": "j1?x=1"}, ""),
    ("a header", {"jobid": "j1\r\nX: y"}, ""),
    ("percent", {"jobid": "%2e%2e/accounts"}, ""),
    ("a last line end", {"jobid": "j1\n"}, ""),
]


@pytest.mark.parametrize(("document", "expected"), [row[1:] for row in IDS], ids=[row[0] for row in IDS])
def test_job_ids_are_safe_or_nothing(document: Any, expected: str) -> None:
    """Whatever is returned can stand raw in a path."""
    assert expected == replies.job_id(document)


def test_paths() -> None:
    """A job id is raw; media ids and e-mails are encoded."""
    assert f"/jobs/{JOB}" == ids.job_path(JOB)
    assert ids.asset_path("user:7-email:61-image:x") == "/assets/user%3A7-email%3A61-image%3Ax"
    assert ids.upload_path("a+b@x.example") == "/assets/a%2Bb%40x.example"
    assert ids.account_path("../x@y") == "/accounts/..%2Fx%40y"
    with pytest.raises(ValueError, match="job id"):
        ids.job_path("../accounts")


def test_media_ids_nested_and_plain() -> None:
    """An upload nests its id; every other answer does not."""
    assert replies.uploaded({"mediaGenerationId": {"mediaGenerationId": IMAGE}}) == IMAGE
    assert replies.uploaded({"mediaGenerationId": IMAGE}) == IMAGE
    assert replies.uploaded({"media": {"name": "0c9e"}}) == ""
    assert ids.owner_of(IMAGE) == EMAIL
    assert ids.owner_of("user:7-email:zz-image:x") == ""


@pytest.mark.parametrize(
    ("shown", "email", "same"),
    [
        ("a@x.example", "A@X.example", True),
        ("st***@example.com", EMAIL, True),
        ("st***@example.com", OTHER := "stu@other.com", False),
        ("ab***@example.com", EMAIL, False),
        ("b@x.example", "a@x.example", False),
    ],
)
def test_masked_emails(shown: str, email: str, same: bool) -> None:
    """A mask matches what it may stand for."""
    assert same is ids.same_email(shown, email)


STATES = [
    ("created", "running"),
    ("started", "running"),
    ("completed", "completed"),
    ("failed", "failed"),
    ("queued-somehow", "running"),
    (None, "running"),
]


@pytest.mark.parametrize(("status", "state"), STATES)
def test_an_unknown_status_means_running(status: Any, state: str) -> None:
    """A new word of the service ends no job."""
    assert state == replies.job({"jobid": JOB, "status": status}).state


@pytest.mark.parametrize("place", [{"replyRef": "vs1:a"}, {"request": {"replyRef": "vs1:a"}}])
def test_the_mark_is_found_in_both_places(place: Any) -> None:
    """`replyRef` at the top or in the echo."""
    assert replies.job(place).reply_ref == "vs1:a"


SENT = {"prompt": "p", "model": "m", "seed": 4, "count": 1, "async": True, "email": EMAIL, "captchaRetry": 5}
ECHOES = [
    ("the same", {"prompt": "p", "model": "m", "seed": 4, "count": 1}, True),
    ("masked e-mail", {"prompt": "p", "seed": 4, "email": "st***@example.com"}, True),
    ("another seed", {"prompt": "p", "model": "m", "seed": 5}, False),
    ("no seed", {"prompt": "p", "model": "m"}, False),
    ("no words", {"seed": 4}, False),
    ("other words", {"prompt": "q", "seed": 4}, False),
]


@pytest.mark.parametrize(("echo", "same"), [row[1:] for row in ECHOES], ids=[row[0] for row in ECHOES])
def test_same_request(echo: Any, same: bool) -> None:
    """Words and seed must be echoed, and nothing may differ."""
    assert same is replies.same_request(echo, SENT)


WAITS = [
    ("neither", "", {}, None),
    ("header", "60", {}, 60.0),
    ("body", "", {"retryAfter": "2026-06-15T11:00:00.000Z"}, 3600.0),
    ("the later one", "60", {"retryAfter": "2026-06-15T10:00:30Z"}, 60.0),
    ("the later one, turned", "5", {"retryAfter": "2026-06-15T10:00:30Z"}, 30.0),
    ("a date in the header", "Mon, 15 Jun 2026 10:02:00 GMT", {}, 120.0),
    ("in the past", "", {"retryAfter": "2026-06-15T09:00:00Z"}, 0.0),
    ("nonsense", "soon", {"retryAfter": "later"}, None),
    ("absurd", "999999999", {}, 172800.0),
    ("a number in the body", "", {"retryAfter": 7}, None),
]


@pytest.mark.parametrize(("header", "body", "wait"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_waits(header: str, body: Any, wait: float | None) -> None:
    """The later of the two hints, in seconds."""
    assert wait == readers.retry_after_s(header, body, NOW)


EXPIRIES = [
    (URL, datetime.fromtimestamp(1781590000, UTC)),
    ("https://x/?X-Goog-Date=20260615T100000Z&X-Goog-Expires=3600", NOW + timedelta(hours=1)),
    ("https://x/?Expires=never", None),
    ("https://x/?Expires=" + "9" * 40, None),
    ("https://x/", None),
    ("https://[", None),
]


@pytest.mark.parametrize(("url", "at"), EXPIRIES)
def test_expiry(url: str, at: datetime | None) -> None:
    """Read from the link itself, never guessed."""
    assert at == readers.expiry(url)


def test_reasons_are_found_anywhere_but_in_our_own_words() -> None:
    """A prompt may say anything."""
    document = {
        "request": {"prompt": "PUBLIC_ERROR_MINOR"},
        "response": {
            "error": {"details": [{"reason": "PUBLIC_ERROR_UNSAFE_GENERATION"}]},
            "media": [{"video": {"generatedVideo": {"prompt": "PUBLIC_ERROR_SEXUAL"}}}],
        },
        "errorDetails": "FINISH_REASON_INPUT_VIDEO_EDIT",
    }
    assert replies.reasons(document) == ("PUBLIC_ERROR_UNSAFE_GENERATION", "FINISH_REASON_INPUT_VIDEO_EDIT")


def test_telemetry_and_log() -> None:
    """Job ids with their times, each once."""
    row = {"email": "st***@example.com", "timestamp": "2026-06-15T10:00:00Z"}
    document = {"videos": {"executing": {JOB: row, "../x": row}}, "images": {}, "combined": {"executing": {JOB: row}}}
    assert (replies.Seen(JOB, NOW, "st***@example.com"),) == replies.telemetry(document, "executing")
    assert replies.telemetry(document, "history") == ()
    log = {"data": [{"jobId": JOB, "timestamp": "2026-06-15T10:00:00Z"}, {"jobId": JOB}, "x", {"jobId": 4}]}
    assert (replies.Seen(JOB, NOW),) == replies.captcha_log(log)


def test_an_account_is_read_for_four_things() -> None:
    """Cookies and tokens in its record are not even looked at."""
    document = {
        "health": "OK",
        "credits": {"credits": 812, "userPaygateTier": "PAYGATE_TIER_ONE", "sku": "G1_TIER1"},
        "cookies": "SID=secret",
        "sessionData": {"access_token": "ya29.secret"},
    }
    found = replies.account(document, EMAIL)
    assert replies.Account(EMAIL, True, "OK", 812, "G1_TIER1", "PAYGATE_TIER_ONE") == found
    assert "secret" not in repr(found)
    (out,) = replies.accounts({EMAIL: {"health": "Google has signed your account out"}, "error": "x"})
    assert (out.is_healthy, out.credits) == (False, None)


def test_captcha_providers_are_names_only() -> None:
    """Keys, although masked, are dropped."""
    found = replies.captcha_providers({"CapSolver": "CAP-***1234", "2Captcha": "", "freeCaptchaCredits": 12})
    assert replies.Captcha(("CapSolver",), 12) == found


def test_captcha_rates_are_counted_from_the_rows() -> None:
    """Taken attempts of all attempts, by provider."""
    rows = [{"provider": "CapSolver", "statusCode": 200}, {"provider": "CapSolver", "statusCode": 403}, {}, 7]
    expected = (replies.CaptchaRate("CapSolver", 2, 1), replies.CaptchaRate("unknown", 1, 0))
    assert expected == replies.captcha_rates({"data": rows})


HOSTILE = [b"", b"\xff\xfe", b"<html>", b"[" * 200_000, b"1" * 10_000, b'{"a": NaN}', b'{"a": Infinity}', b"{", b"\x00"]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_no_documents(body: bytes) -> None:
    """One error for all of them."""
    with pytest.raises(readers.NotJsonError):
        readers.parse(body)


KEYS = """media response operations image generatedImage video generatedVideo error jobid mediaGenerationId videoUrl
    encodedImage data executing videos seed request timestamp retryAfter credits health a@b operation metadata"""
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(VIDEO) | st.just(URL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, database=None)
@given(ODD)
def test_no_document_breaks_a_reader(document: Any) -> None:
    """Whatever the service says, a reader returns."""
    replies.results(document)
    replies.job(document)
    replies.telemetry(document, "executing")
    replies.captcha_log(document)
    replies.accounts(document)
    replies.account(document, EMAIL)
    replies.captcha_providers(document)
    replies.reasons(document)
    replies.failure_text(document).encode()
    replies.encoded_file(document)
    replies.uploaded(document)
    replies.fresh_link(document)
    readers.retry_after_s("", document, NOW)
