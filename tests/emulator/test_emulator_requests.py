"""What a request may hold: unknown fields, formats, modes, exclusions, budgets, markers, plans."""

from __future__ import annotations

from typing import Any

import pytest
from emulator_client import EMAIL, HEX, Flow, clip, png

from veospec.emulator.options import AccountOption

OTHER = "second@example.com"
NIL = "00000000-0000-4000-8000-000000000000"


def image(number: int = 1) -> str:
    return f"IMAGE{number}"


def filled(flow: Flow, body: dict[str, Any]) -> dict[str, Any]:
    """Replace `IMAGE1` and `VIDEO` by ids that exist."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if isinstance(value, str) and value.startswith("IMAGE"):
            found[name] = flow.picture(int(value[5:]))
        elif value == "VIDEO":
            found[name] = flow.upload(clip(), "video/mp4")
        else:
            found[name] = value
    return found


def references(count: int, stem: str = "referenceImage") -> dict[str, Any]:
    return {f"{stem}_{n}": image() for n in range(1, count + 1)}


REFUSED = [
    ({"prompt": "x", "quality": 9}, "Parameter quality not supported"),
    ({"prompt": "x", "negativePrompt": ""}, "Parameter negativePrompt not supported"),
    ({"prompt": "x", "referenceImage_11": image()}, "Parameter referenceImage_11 not supported"),
    ({}, "Parameter prompt is required"),
    ({"prompt": ""}, "Parameter prompt is required"),
    ({"prompt": None}, "Parameter prompt has incorrect format"),
    ({"prompt": "x", "seed": None}, "Parameter seed has incorrect format"),
    ({"prompt": "x", "seed": -1}, "Parameter seed has incorrect format"),
    ({"prompt": "x", "seed": 1.5}, "Parameter seed has incorrect format"),
    ({"prompt": "x", "seed": "1"}, "Parameter seed has incorrect format"),
    ({"prompt": "x", "count": 5}, "Parameter count has incorrect format"),
    ({"prompt": "x", "count": True}, "Parameter count has incorrect format"),
    ({"prompt": "x", "model": "veo-4"}, "Parameter model has incorrect format"),
    ({"prompt": "x", "aspectRatio": "16:9"}, "Parameter aspectRatio has incorrect format"),
    ({"prompt": "x", "async": "true"}, "Parameter async has incorrect format"),
    ({"prompt": "x", "replyUrl": "here"}, "Parameter replyUrl has incorrect format"),
    ({"prompt": "x", "replyUrl": "http://h/" + "a" * 1024}, "replyUrl is too long"),
    ({"prompt": "x", "replyRef": "a" * 1025}, "replyRef is too long"),
    ({"prompt": "x", "captchaRetry": 11}, "Parameter captchaRetry has incorrect format"),
    ({"prompt": "x", "captchaToken": "short"}, "Parameter captchaToken has incorrect format"),
    ({"prompt": "x", "captchaOrder": "Nobody"}, "Parameter captchaOrder has incorrect format"),
    ({"prompt": "x", "captchaRetry": 5, "captchaOrder": "CapSolver"}, "mutually exclusive"),
    ({"prompt": "x", "startImage": NIL}, "Parameter startImage has incorrect format"),
    ({"prompt": "x", "startImage": "VIDEO"}, "Parameter startImage has incorrect format"),
    ({"prompt": "x", "referenceVideo_1": image()}, "Parameter referenceVideo_1 has incorrect format"),
    ({"prompt": "x", "character_1": "ada"}, "Parameter character_1 has incorrect format"),
    ({"prompt": "x", "endImage": image()}, "endImage requires startImage"),
    ({"prompt": "x", "startImage": image(), "referenceImage_1": image()}, "cannot be combined with referenceImage_1"),
    ({"prompt": "x", "startImage": image(), "referenceVideo_1": "VIDEO"}, "cannot be combined with referenceVideo_1"),
    ({"prompt": "x", "startImage": image(), "referenceAudio_1": "Kore"}, "cannot be combined with referenceAudio_1"),
    ({"prompt": "x", "model": "veo-3.1-fast", "referenceVideo_1": "VIDEO"}, "not supported by veo-3.1-fast"),
    ({"prompt": "x", "model": "omni-flash", "referenceVideo_1": "VIDEO", "duration": 4}, "duration cannot be combined"),
    ({"prompt": "x", "startFrameIndex_1": 0}, "requires referenceVideo_1"),
    (
        {
            "prompt": "x", "model": "omni-flash", "referenceVideo_1": "VIDEO", "startFrameIndex_1": 24,
            "endFrameIndex_1": 24,
        },
        "must be greater",
    ),
    ({"prompt": "x", "model": "omni-flash", "referenceVideo_1": "VIDEO", "endFrameIndex_1": 100}, "beyond the end"),
    ({"prompt": "x", "referenceAudio_1": "Kore"}, "referenceAudio_1 requires"),
    ({"prompt": "x", "model": "omni-flash", "referenceAudio_1": "Kore"}, "referenceAudio_1 requires"),
    ({"prompt": "x", **references(1), "referenceAudio_1": "Nobody"}, "referenceAudio_1 has incorrect format"),
    ({"prompt": "x", **references(4)}, "maximum 3"),
    ({"prompt": "x", "model": "omni-flash", **references(8)}, "maximum 7"),
    ({"prompt": "x", "model": "omni-flash", "referenceVideo_1": "VIDEO", **references(6)}, "maximum 5"),
    (
        {"prompt": "x", "referenceImage_1": image(), "referenceAudio_1": "Kore", "referenceAudio_2": "Puck"},
        "voices for veo-3.1-fast",
    ),
    ({"prompt": "x", "referenceImage_4": image()}, "Parameter referenceImage_4 is not supported by veo-3.1-fast"),
    ({"prompt": "x", "model": "omni-flash", "referenceImage_8": image()}, "referenceImage_8 is not supported by omni"),
    ({"prompt": "x", **references(1), "referenceAudio_2": "Kore"}, "Parameter referenceAudio_2 is not supported by"),
    ({"prompt": "x", "referenceImage_1": image(), "duration": 6}, "duration must be 8"),
    ({"prompt": "x", "duration": 10}, "duration 10 is not supported by veo-3.1-fast"),
    ({"prompt": "x", "model": "omni-flash", "duration": 5}, "duration 5 is not supported by omni-flash"),
    ({"prompt": "x", "model": "veo-3.1-quality", "duration": 4}, "duration 4 is not supported"),
    ({"prompt": "x", "model": "veo-3.1-quality", "referenceImage_1": image()}, "not supported by veo-3.1-quality"),
    ({"prompt": "x", "model": "omni-flash", "aspectRatio": "1:1"}, "aspectRatio has incorrect format"),
    ({"prompt": "x", "resolution": "720p"}, "Parameter resolution not supported"),
    (
        {
            "prompt": "x", "model": "omni-flash-1.2", "duration": 11, "startImage": image(), "endImage": image(2),
        },
        "endImage is not supported by omni-flash-1.2 with duration 11",
    ),
    ({"prompt": "see @referenceImage_1"}, "@referenceImage_1"),
    ({"prompt": "see @REFERENCEIMAGE_2", "referenceImage_1": image()}, "@referenceImage_2"),
    ({"prompt": "hear @referenceAudio_1", "referenceImage_1": image()}, "@referenceAudio_1"),
    ({"prompt": "meet @character_9", "referenceImage_1": image()}, "@character_9"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_a_bad_video_request_is_refused_by_name_and_costs_nothing(flow: Flow, body: dict[str, Any], text: str) -> None:
    before = flow.total
    answer = flow.post("/videos", filled(flow, body))
    assert (answer.status_code, answer.json()["code"]) == (400, 400), answer.text
    assert text in answer.json()["error"]
    assert flow.total == before


ACCEPTED = [
    ({"prompt": "x"}, "veo_3_1_t2v_fast", 10),
    ({"prompt": "x", "model": "veo-3.1-lite", "duration": 4}, "veo_3_1_t2v_lite_4s", 5),
    ({"prompt": "x", "duration": 8.0, "captchaRetry": 5, "replyRef": "r"}, "veo_3_1_t2v_fast", 10),
    ({"prompt": "x", "model": "veo-3.1-quality", "count": 2}, "veo_3_1_t2v_quality", 200),
    ({"prompt": "x", "model": "veo-3.1-lite-low-priority"}, "veo_3_1_t2v_lite_low_priority", 0),
    ({"prompt": "x", "startImage": image(), "duration": 6}, "veo_3_1_i2v_fast_6s", 10),
    ({"prompt": "x", "startImage": image(), "endImage": image(2)}, "veo_3_1_i2v_fast_fl", 10),
    ({"prompt": "@referenceImage_1", **references(3), "referenceAudio_1": "kore"}, "veo_3_1_r2v_fast", 10),
    ({"prompt": "x", "model": "omni-flash", "duration": 10, **references(7)}, "abra_r2v_10s", 15),
    ({"prompt": "x", "model": "omni-flash", "resolution": "360p", "duration": 4}, "abra_t2v_4s", 4),
    ({"prompt": "x", "model": "omni-flash", "startImage": image(), "endImage": image()}, "abra_i2v_fl_8s", 12),
    ({"prompt": "x", "model": "omni-flash", "referenceVideo_1": "VIDEO", **references(5)}, "abra_edit", 20),
    ({"prompt": "x", "model": "omni-flash-1.2", "duration": 15}, "abra_1_2_t2v_15s", 60),
    ({"prompt": "x", "model": "omni-flash-1.2", "duration": 3, **references(10)}, "abra_1_2_r2v_3s", 9),
    ({"prompt": "mail me @home and @referenceVideo_1"}, "veo_3_1_t2v_fast", 10),
]


@pytest.mark.parametrize(("body", "internal", "credits_spent"), ACCEPTED)
def test_a_good_video_request_is_made_and_charged(
    flow: Flow, body: dict[str, Any], internal: str, credits_spent: int
) -> None:
    before = flow.total
    made = flow.made(**filled(flow, body))
    assert made["video"]["generatedVideo"]["model"] == internal
    assert flow.total - before == credits_spent


JUNE = [
    ({"prompt": "x", "model": "omni-flash-1.2"}, "Parameter model has incorrect format"),
    ({"prompt": "x", "model": "omni-flash", "resolution": "720p"}, "Parameter resolution not supported"),
    ({"prompt": "x", "model": "omni-flash", "startImage": image(), "endImage": image(2)}, "does not support I2V_FL"),
    ({"prompt": "x", "referenceImage_8": image()}, "Parameter referenceImage_8 not supported"),
]


@pytest.mark.parametrize(("body", "text"), JUNE)
def test_june_knows_less(june: Flow, body: dict[str, Any], text: str) -> None:
    answer = june.post("/videos", filled(june, body))
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_june_prices(june: Flow) -> None:
    june.made(model="omni-flash", duration=10)
    assert june.charges[-1]["credits"] == 30
    june.made(model="omni-flash", referenceVideo_1=june.upload(clip(), "video/mp4"))
    assert june.charges[-1]["credits"] == 40


IMAGES = [
    ({"prompt": "x", "async": True}, "Parameter async not supported"),
    ({"prompt": "x", "duration": 8}, "Parameter duration not supported"),
    ({"prompt": "x", "startImage": image()}, "Parameter startImage not supported"),
    ({"prompt": "x", "referenceImage_1": image()}, "Parameter referenceImage_1 not supported"),
    ({"prompt": "x", "model": "dall-e"}, "Parameter model has incorrect format"),
    ({"prompt": "x", "aspectRatio": "auto"}, "auto requires at least one reference"),
    ({"prompt": "x", "aspectRatio": "2:1"}, "Parameter aspectRatio has incorrect format"),
    ({"prompt": "use @reference_1"}, "@reference_1"),
    ({"model": "nano-banana-2"}, "Parameter prompt is required"),
]


@pytest.mark.parametrize(("body", "text"), IMAGES)
def test_a_bad_image_request_is_refused(flow: Flow, body: dict[str, Any], text: str) -> None:
    answer = flow.post("/images", filled(flow, body))
    assert answer.status_code == 400
    assert text in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "count", "ratio"),
    [
        ({"prompt": "x"}, 4, 16 / 9),
        ({"prompt": "x", "count": 1, "aspectRatio": "portrait"}, 1, 9 / 16),
        ({"prompt": "x", "count": 2, "aspectRatio": "3:4", "model": "nano-banana-pro"}, 2, 3 / 4),
        ({"prompt": "x", "count": 1, "model": "nano-banana-2", "reference_1": "IMAGE3"}, 1, 16 / 9),
    ],
)
def test_images_are_made_at_once_in_the_asked_number_and_ratio(
    flow: Flow, body: dict[str, Any], count: int, ratio: float
) -> None:
    from veospec.media import testcard

    answer = flow.post("/images", filled(flow, body))
    assert answer.status_code == 200
    media = answer.json()["media"]
    assert len(media) == count
    assert "remainingCredits" not in answer.json()
    content = flow.file(media[0]["image"]["generatedImage"]["fifeUrl"]).content
    measure = testcard.measure(content)
    assert measure.width / measure.height == pytest.approx(ratio, rel=0.02)
    assert flow.charges[-1]["credits"] == 0
    assert len({entry["image"]["generatedImage"]["seed"] for entry in media}) == count


@pytest.mark.parametrize(("model", "table_default"), [("imagen-4", "june"), ("nano-banana-2-lite", "november")])
def test_the_default_image_model_follows_the_table(june: Flow, flow: Flow, model: str, table_default: str) -> None:
    client = june if table_default == "june" else flow
    client.still()
    assert client.charges[-1]["model"] == model


def test_an_old_name_is_answered_by_another_model(flow: Flow) -> None:
    flow.still(model="imagen-4")
    assert flow.charges[-1]["model"] == "nano-banana-2-lite"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "user:777-emulator"}, 401),
        ({"Authorization": "bearer user:777-emulator"}, 401),
        ({"Authorization": "Bearer 777-emulator"}, 401),
        ({"Authorization": "Bearer user%3A777-emulator"}, 401),
        ({"Authorization": "Bearer user:777-anything"}, 200),
        ({"User-Agent": "Python-urllib/3.11"}, 403),
    ],
)
def test_the_gate(flow: Flow, headers: dict[str, str], status: int) -> None:
    answer = flow.get("/accounts", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"error": "Unauthorized"}
    if status == 403:
        assert "error code: 1010" in answer.text
        assert answer.headers["content-type"].startswith("text/html")


def test_only_the_given_token_when_one_is_given(start: Any) -> None:
    flow = start(token="user:42-secret")
    assert flow.get("/accounts").status_code == 200
    assert flow.get("/accounts", headers={"Authorization": "Bearer user:42-other"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/videos/extend/more", 404),
        ("POST", "/jobs", 405),
        ("GET", "/videos", 405),
        ("GET", "/images", 405),
    ],
)
def test_unknown_paths_and_methods(flow: Flow, method: str, path: str, status: int) -> None:
    answer = flow.get(path) if method == "GET" else flow.post(path, {})
    assert answer.status_code == status
    assert "llm_docs" in answer.json()["hint"]
    if status == 404:
        assert answer.json()["error"] == "Endpoint not found"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"prompt=x", "application/x-www-form-urlencoded"),
        (b'{"prompt": "x"', "application/json"),
        (b"[1]", "application/json"),
        (b'{"prompt": NaN}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"prompt": "half a pair \\ud83d", "async": true}', "application/json"),
        (b'{"prompt": "x", "\\uD83D": 1}', "application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_400(flow: Flow, content: bytes, media_type: str) -> None:
    answer = flow.post("/videos", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 400


def test_a_prompt_in_any_script_comes_back_as_it_was_sent(flow: Flow) -> None:
    body = b'{"prompt": "caf\xc3\xa9 \\ud83c\\udfac \\u0000", "async": true}'
    answer = flow.post("/videos", content=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.json()["request"]["prompt"] == "caf\xe9 \U0001f3ac \0"
    assert flow.charges[-1]["request"]["prompt"] == "caf\xe9 \U0001f3ac \0"


def test_a_form_is_taken_where_the_service_takes_one(flow: Flow) -> None:
    files = {name: (None, value) for name, value in {"prompt": "x", "duration": "4", "async": "true"}.items()}
    answer = flow.post("/videos", files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["request"]["duration"] == 4
    assert flow.post("/videos/extend", files=files).status_code == 400


# -- references and owners --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "status", "text"),
    [
        (f"user:778-email:{HEX}-image:{NIL}", 403, "Unauthorized access to user:778"),
        (f"user:777-email:{HEX}-image:{NIL}", 404, "not found"),
        (f"user:777-email:zz-image:{NIL}", 400, "incorrect format"),
    ],
)
def test_references_that_are_not_ours(flow: Flow, ref: str, status: int, text: str) -> None:
    answer = flow.post("/videos", {"prompt": "x", "startImage": ref})
    assert answer.status_code == status
    assert text in answer.json()["error"]


def test_accounts_are_not_mixed(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL), AccountOption(OTHER, "pro", 100)))
    one, two = flow.upload(png()), flow.upload(png(), email=OTHER)
    answer = flow.post("/videos", {"prompt": "x", "startImage": one, "email": OTHER})
    assert answer.json() == {
        "error": f"Email mismatch: body has '{OTHER}', references have '{EMAIL}'",
        "code": 400,
    }
    answer = flow.post("/videos", {"prompt": "x", "startImage": one, "endImage": two})
    assert answer.status_code == 400
    assert "Email mismatch" in answer.json()["error"]
    job = flow.post("/videos", {"prompt": "x", "startImage": two, "async": True}).json()["jobid"]
    assert "se***@example.com" in job
    assert flow.post("/videos", {"prompt": "x", "email": "third@example.com"}).status_code == 404


def test_the_query_of_an_upload_is_ignored(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL), AccountOption(OTHER)))
    flow.submit(email=EMAIL)  # the balancer now prefers the other
    answer = flow.post(f"/assets?email={EMAIL}", content=png(), headers={"Content-Type": "image/png"})
    assert answer.json()["email"] == OTHER


def test_uploads_without_an_account_are_spread(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL), AccountOption(OTHER)))
    answers = [flow.post("/assets", content=png(), headers={"Content-Type": "image/png"}).json() for _ in range(4)]
    assert [answer["email"] for answer in answers] == [EMAIL, OTHER, EMAIL, OTHER]
    ids = [answer["mediaGenerationId"]["mediaGenerationId"] for answer in answers[:2]]
    answer = flow.post("/videos", {"prompt": "x", "startImage": ids[0], "endImage": ids[1]})
    assert (answer.status_code, "Email mismatch" in answer.text) == (400, True)


# -- plans ------------------------------------------------------------------------------------------------

PLANS = [
    ("free", {"prompt": "x"}, 400, "Tier 'PAYGATE_TIER_NOT_PAID' does not have access to 'veo-3.1-fast' model"),
    ("free", {"prompt": "x", "model": "omni-flash-1.2", "duration": 8}, 201, ""),
    ("free", {"prompt": "x", "model": "omni-flash-1.2", "duration": 11}, 400, "Tier 'PAYGATE_TIER_NOT_PAID'"),
    ("free", {"prompt": "x", "model": "omni-flash"}, 400, "for T2V mode with 'landscape' aspect ratio"),
    ("plus", {"prompt": "x", "model": "omni-flash"}, 201, ""),
    ("plus", {"prompt": "x", "model": "omni-flash-1.2", "duration": 12}, 400, "Tier"),
    ("pro", {"prompt": "x", "model": "omni-flash-1.2", "duration": 12}, 201, ""),
    ("pro", {"prompt": "x"}, 201, ""),
    ("pro", {"prompt": "x", "duration": 4}, 400, "Tier 'PAYGATE_TIER_ONE'"),
    ("pro", {"prompt": "x", "model": "veo-3.1-lite-low-priority"}, 400, "Tier 'PAYGATE_TIER_ONE'"),
    ("ultra-100", {"prompt": "x", "duration": 4}, 201, ""),
    ("ultra-100", {"prompt": "x", "model": "veo-3.1-lite-low-priority"}, 403, "PUBLIC_ERROR_MODEL_ACCESS_DENIED"),
    ("ultra-200", {"prompt": "x", "model": "veo-3.1-lite-low-priority"}, 201, ""),
    ("ws-ultra", {"prompt": "x", "model": "veo-3.1-lite-low-priority"}, 201, ""),
    ("ultra-200-member", {"prompt": "x", "model": "veo-3.1-lite-low-priority"}, 403, "MODEL_ACCESS_DENIED"),
]


def test_plans_open_and_close_models(start: Any) -> None:
    emails = {plan: f"{plan}@example.com" for plan, *_ in PLANS}
    flow = start(accounts=tuple(AccountOption(email, plan, 500) for plan, email in emails.items()))
    for plan, body, status, text in PLANS:
        answer = flow.post("/videos", {**body, "email": emails[plan], "async": True})
        assert (plan, body, answer.status_code) == (plan, body, status), answer.text
        assert text in answer.text


def test_models_are_listed_by_key_with_their_prices(start: Any) -> None:
    flow = start(accounts=tuple(AccountOption(f"{plan}@example.com", plan) for plan in ("free", "pro", "ultra-100")))
    listed = {}
    for plan in ("free", "pro", "ultra-100"):
        rows = flow.get(f"/accounts/{plan}@example.com").json()["models"]["videoModels"]
        assert len({row["key"] for row in rows}) == len(rows)
        listed[plan] = {
            row["key"]: (row["displayName"], row["videoLengthSeconds"], row.get("creditCost")) for row in rows
        }
    assert listed["pro"]["veo_3_1_t2v_fast"] == ("Veo 3.1 - Fast", 8, 20)
    assert listed["ultra-100"]["veo_3_1_i2v_fast_4s_fl"] == ("Veo 3.1 - Fast", 4, 10)
    assert listed["ultra-100"]["veo_3_1_t2v_lite_low_priority"][2] is None
    assert listed["pro"]["abra_edit"] == ("Omni 1.1 Flash", 8, 20)
    assert not [key for key in listed["pro"] if ("_4s" in key and key.startswith("veo")) or "low_priority" in key]
    assert {name for name, *_ in listed["free"].values()} == {"Omni 1.2 Flash"}


@pytest.mark.parametrize(("plan", "price"), [("pro", 20), ("ultra-100", 10)])
def test_prices_follow_the_plan(start: Any, plan: str, price: int) -> None:
    flow = start(accounts=(AccountOption(EMAIL, plan, 50),))
    flow.submit()
    assert flow.charges[-1]["credits"] == price
    details = flow.get(f"/accounts/{EMAIL}").json()
    assert details["credits"]["credits"] == 50 - price


def test_an_empty_account_is_402(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL, "pro", 30),))
    flow.submit()
    answer = flow.post("/videos", {"prompt": "x", "async": True})
    assert answer.status_code == 402
    assert flow.total == 20


def test_upscales_follow_the_plan(start: Any) -> None:
    flow = start(accounts=(AccountOption(EMAIL, "pro", 100),))
    source = flow.made()["mediaGenerationId"]
    answer = flow.post("/videos/upscale", {"mediaGenerationId": source, "resolution": "4K"})
    assert (answer.status_code, "Tier" in answer.text) == (400, True)
    assert flow.post("/videos/upscale", {"mediaGenerationId": source}).status_code == 200
