"""Answers that the emulator never gives: a service that keeps no marks, odd results, dead pictures of a character."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flow_builders import (
    CANARY,
    CLIP,
    EMAIL,
    NOW,
    PNG,
    Refs,
    Wire,
    media,
    node,
    order,
    person,
    picture,
    serving,
    slot,
    sniff,
    upstream,
)

from veospec.catalog.shipped import load_catalogue
from veospec.errors import Charge, JobError, MediaError, RequestInvalid, SubmissionUnknown, Unauthorized, Unreachable
from veospec.model import FileSource, Kind, Mode, OwnVoice
from veospec.providers.base import Attempt, Material, Receipt, Result
from veospec.providers.flow.api import FlowApi
from veospec.providers.flow.config import FlowConfig, Token
from veospec.providers.flow.downloads import DownloadClient, Downloaded
from veospec.providers.flow.fetching import Fetcher
from veospec.providers.flow.links import LinkDead
from veospec.providers.flow.net import Limits
from veospec.providers.flow.provider import FlowProvider

CATALOGUE = load_catalogue()
BASE = "/v1/google-flow"
VIDEO = media("video", "v1")
SENT = {"prompt": "p", "model": "m", "seed": 4, "count": 1, "email": EMAIL}
ATTEMPT = Attempt("a", "vs1:ours", (), "S", (1,), EMAIL, "m", "/videos", SENT, NOW)

Script = Callable[[str, bytes], tuple[int, Any] | None]


def run(
    script: Script, work: Callable[[FlowProvider], Awaitable[Any]], *, ahead: timedelta = timedelta(), refs: Any = None
) -> list[str]:
    """Let the provider work against a script of (method and path below the API) to (status, document or bytes)."""

    async def answer(wire: Wire, head: str, body: bytes) -> bool:
        line = head.split(" HTTP/", maxsplit=1)[0].replace(BASE, "")
        found = script(line, body)
        if found is None:
            wire.reset()
            return False
        content = found[1] if isinstance(found[1], bytes) else json.dumps(found[1]).encode()
        await wire.answer(content, f"{found[0]} X")
        return True

    async def nap(seconds: float) -> None:
        await asyncio.sleep(0)

    async def main() -> list[str]:
        async with serving(answer) as server:
            config = FlowConfig(Token(CANARY), (EMAIL,), server.url + BASE)
            provider = FlowProvider(
                config, CATALOGUE, refs or Refs(), check=sniff, now=lambda: NOW + ahead, sleep=nap
            )  # fmt: skip
            try:
                await work(provider)
            finally:
                await provider.aclose()
            return [line.replace(BASE, "") for line in server.lines]

    return asyncio.run(main())


def listing(*names: str, at: str = "2026-06-15T10:00:05Z", email: str = EMAIL) -> dict[str, Any]:
    return {"videos": {"executing": {name: {"email": email, "timestamp": at} for name in names}}}


def record(name: str, **request: Any) -> dict[str, Any]:
    return {"jobid": name, "status": "started", "created": "2026-06-15T10:00:05Z", "request": SENT | request}


SEARCHES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("marked", listing("j1", "j2"),
     {"j1": record("j1", replyRef="vs1:x"), "j2": record("j2", replyRef="vs1:ours")}, "j2"),
    ("no marks at all, one fits", listing("j1", "j2"), {"j1": record("j1"), "j2": record("j2", seed=5)}, "j1"),
    ("no marks, two fit", listing("j1", "j2"), {"j1": record("j1"), "j2": record("j2")}, ""),
    ("no marks, one fits, one cannot be read", listing("j1", "j2"), {"j1": record("j1")}, ""),
    ("another's mark on the same request", listing("j1"), {"j1": record("j1", replyRef="vs1:x")}, ""),
    ("too early", listing("j1", at="2026-06-15T09:59:00Z"), {"j1": record("j1", replyRef="vs1:ours")}, ""),
    ("another account", listing("j1", email="other@example.com"), {"j1": record("j1", replyRef="vs1:ours")}, ""),
    ("masked account, no time", {"images": {"executing": {"j1": {"email": "st***@example.com"}}}},
     {"j1": record("j1", replyRef="vs1:ours")}, "j1"),
    ("one cannot be read", listing("j1", "j2"), {"j2": record("j2", replyRef="vs1:ours")}, "j2"),
    ("hostile names", {"videos": {"executing": {"../x": {}, "j?a=1": {}, "": {}}}}, {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "records", "job"), [row[1:] for row in SEARCHES], ids=[row[0] for row in SEARCHES])
def test_search(seen: dict[str, Any], records: dict[str, Any], job: str) -> None:
    """Only certainty adopts: our mark, or one record of the same request where nobody keeps marks."""

    def script(line: str, body: bytes) -> tuple[int, Any]:
        if line.startswith("GET /jobs?options=executing"):
            return 200, seen
        name = line.partition("/jobs/")[2]
        return (200, records[name]) if name in records else (404, {"error": "x"})

    async def work(provider: FlowProvider) -> None:
        found = await provider.recover(ATTEMPT)
        assert job == found.job_id
        assert found.seen

    lines = run(script, work)
    assert not [line for line in lines if ".." in line]


def test_a_search_without_lists_says_so_and_a_bad_token_stops_it() -> None:
    """Lists that fail are no finding; a refused token is not hidden."""

    async def work(provider: FlowProvider) -> None:
        assert (await provider.recover(ATTEMPT)).job_id == ""

    run(lambda line, body: (503, {"error": "x"}), work, ahead=timedelta(minutes=5))
    with pytest.raises(Unauthorized):
        run(lambda line, body: (401, {"error": "Unauthorized"}), work)


def test_old_attempts_are_looked_for_in_the_captcha_log_only() -> None:
    """The telemetry covers fifteen minutes."""

    async def work(provider: FlowProvider) -> None:
        assert (await provider.recover(ATTEMPT)).job_id == "j1"

    def script(line: str, body: bytes) -> tuple[int, Any]:
        if "captcha-stats" in line:
            return 200, {"data": [{"jobId": "j1", "timestamp": "2026-06-15T10:00:04Z"}]}
        return 200, record("j1", replyRef="vs1:ours")

    lines = run(script, work, ahead=timedelta(hours=30))
    assert lines == ["GET /accounts/captcha-stats?limit=500", "GET /jobs/j1"]


ACCEPTED: list[tuple[str, Any, type[Exception] | None]] = [
    ("job id", (201, {"jobid": "j1"}), None),
    ("sync answer with links", (200, {"jobId": "j1", "media": [{"videoUrl": "https://x/"}]}), None),
    ("no id", (201, {"status": "created"}), SubmissionUnknown),
    ("hostile id", (201, {"jobid": "../accounts"}), SubmissionUnknown),
    ("a list", (201, ["j1"]), SubmissionUnknown),
    ("the cut", None, SubmissionUnknown),
]


@pytest.mark.parametrize(("answer", "error"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_counts_as_accepted(answer: Any, error: type[Exception] | None) -> None:
    """A job id that can be used, or the result itself."""

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(order(node("S")))
        if error is None:
            assert (await provider.submit(prepared, "vs1:x")).job_id == "j1"
        else:
            with pytest.raises(error):
                await provider.submit(prepared, "vs1:x")

    assert run(lambda line, body: answer, work) == ["POST /videos"]


def test_a_cached_upscale_may_answer_with_the_file() -> None:
    """Then it is the result."""
    source = slot("source", upstream("S"))
    made = node("upscale:S", source, kind=Kind.UPSCALE, mode=Mode.UPSCALE, resolution="1080p")
    material = Material(source, receipt=Receipt("flow", EMAIL, "j0", VIDEO))

    async def work(provider: FlowProvider) -> None:
        accepted = await provider.submit(await provider.prepare(order(made, material)), "vs1:x")
        assert accepted.results[0].content == CLIP

    run(lambda line, body: (200, CLIP), work)


JOBS: list[tuple[str, dict[str, Any], Any]] = [
    ("running", {"status": "somehow"}, None),
    ("a picture inside the record",
     {"status": "completed", "response": {"encodedImage": base64.b64encode(PNG).decode()}}, PNG),
    ("completed and empty", {"status": "completed", "response": {}}, JobError),
    ("failed with a clip all the same", {"status": "failed", "response": {"media": [{"videoUrl": "https://x/"}]}},
     "https://x/"),
    ("failed", {"status": "failed", "error": "API error: 500"}, JobError),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS])
def test_polling(document: dict[str, Any], expected: Any) -> None:
    """What is there is taken, whatever the status says."""

    async def work(provider: FlowProvider) -> None:
        if expected is JobError:
            with pytest.raises(JobError):
                await provider.poll("j1")
        else:
            found = await provider.poll("j1")
            assert expected == (found and (found[0].content or found[0].url))

    run(lambda line, body: (200, {"jobid": "j1"} | document), work)


def test_a_job_id_that_is_none_is_not_asked_for() -> None:
    """`resolve --adopt` may bring anything."""

    async def work(provider: FlowProvider) -> None:
        for name in ("../accounts", "", "a b", "repeat-images-upscale:9k:x"):
            with pytest.raises((RequestInvalid, JobError)):
                await provider.poll(name)

    run(lambda line, body: (404, {"error": "no such job"}), work)


def test_a_dead_picture_of_a_character_is_uploaded_again(tmp_path: Path) -> None:
    """The character is then made from the new one, once."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    part = picture(path)
    ada = person(FileSource("a.png"), voice=OwnVoice("v", "Kore", "Hello.", "plain"))
    material = Material(slot("character_1", ada), parts=(part,))
    refs, fresh = Refs(), media("image", "fresh")
    refs.put(EMAIL, f"image:{part.digest}", media("image", "dead"))

    def script(line: str, body: bytes) -> tuple[int, Any]:
        if "/assets/" in line:
            return 200, {"mediaGenerationId": {"mediaGenerationId": fresh}}
        if "/voices" in line:
            return 200, {"voice": media("voice", "v-mid:m")}
        if fresh.encode() in body:
            return 200, {"character": media("character", "c-imgs:1")}
        return 404, {"error": "Image user:777 not found"}

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(order(node("S", slot("character_1", ada), mode=Mode.R2V), material))
        assert media("character", "c-imgs:1") == prepared.body["character_1"]

    lines = run(script, work, refs=refs)
    email = EMAIL.replace("@", "%40")
    made_again = ["POST /characters", f"POST /assets/{email}", "POST /voices", "POST /characters"]
    assert ["POST /voices", *made_again] == lines


def test_inputs_that_cannot_be_sent(tmp_path: Path) -> None:
    """Too large, or of no kind that the service takes: said before anything is uploaded."""
    large, odd = tmp_path / "large.png", tmp_path / "odd"
    with large.open("wb") as file:
        file.write(PNG)
        file.truncate(20_971_521)
    odd.write_bytes(b"text")
    start = slot("start", FileSource("a.png"))
    made = node("S", start, mode=Mode.I2V)

    async def work(provider: FlowProvider) -> None:
        for material in (Material(start, "0" * 64, large, "png"), Material(start, "0" * 64, odd, "")):
            with pytest.raises(MediaError):
                await provider.prepare(order(made, material))

    assert run(lambda line, body: (200, {}), work) == []


def test_an_upload_without_an_id_is_asked_for_again_later(tmp_path: Path) -> None:
    """Nothing is remembered."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    refs = Refs()

    async def work(provider: FlowProvider) -> None:
        with pytest.raises(Unreachable) as caught:
            await provider.prepare(order(node("S", slot("start", FileSource("a.png")), mode=Mode.I2V), picture(path)))
        assert (caught.value.charge, caught.value.retry_after_s) == (Charge.NO, 15)

    run(lambda line, body: (200, {"media": {"name": "bare"}}), work, refs=refs)
    assert refs.known == {}


def made(name: str, seed: int | None, handle: str) -> dict[str, Any]:
    """Return an entry of a job's record."""
    return {
        "videoUrl": f"https://host.example/{name}",
        "mediaGenerationId": handle,
        "video": {"generatedVideo": {"seed": seed}},
    }


RENEWALS: list[tuple[str, Receipt, list[tuple[str, int | None, str]], str]] = [
    ("by its handle", Receipt("flow", EMAIL, "j1", media("video", "b")),
     [("a", 1, media("video", "a")), ("b", 2, media("video", "b"))], "b"),
    ("by its seed", Receipt("flow", EMAIL, "j1", seed=2), [("a", 1, ""), ("b", 2, "")], "b"),
    ("the handle came later", Receipt("flow", EMAIL, "j1", seed=2), [("a", 1, ""), ("b", 2, media("video", "b"))], "b"),
    ("the only one", Receipt("flow", EMAIL, "j1"), [("a", None, "")], "a"),
    ("nobody knows which", Receipt("flow", EMAIL, "j1"), [("a", None, ""), ("b", None, "")], ""),
    ("another's seed", Receipt("flow", EMAIL, "j1", seed=3), [("a", 1, ""), ("b", 2, "")], ""),
    ("another's handle", Receipt("flow", EMAIL, "j1", media("video", "c")), [("a", 1, media("video", "a"))], ""),
]  # fmt: skip


@pytest.mark.parametrize(("receipt", "told", "taken"), [row[1:] for row in RENEWALS], ids=[r[0] for r in RENEWALS])
def test_a_renewed_link_is_that_of_the_same_take(
    receipt: Receipt, told: list[tuple[str, int | None, str]], taken: str, tmp_path: Path
) -> None:
    """Another take of the job under this one's name would be a clip lost."""
    fetched: list[str] = []

    class Api(FlowApi):
        def __init__(self) -> None:
            pass

        async def get(self, path: str, **_: Any) -> Any:
            if not path.startswith("/jobs/"):
                raise JobError("no such asset", "", operation="asset")
            return {"jobid": "j1", "status": "completed", "response": {"media": [made(*each) for each in told]}}

    class Host(DownloadClient):
        def __init__(self) -> None:
            pass

        async def download(self, url: str, target: Path, *, limits: Limits) -> Downloaded:
            if url.endswith("/dead"):
                raise LinkDead(403)
            fetched.append(url)
            target.write_bytes(CLIP)  # noqa: ASYNC240 - a few bytes
            return Downloaded("0" * 64, len(CLIP), CLIP[:16])

    async def nap(seconds: float) -> None:
        await asyncio.sleep(0)

    fetcher = Fetcher(Api(), Host, sniff, now=lambda: NOW, sleep=nap, max_bytes=1 << 20)
    work = fetcher.fetch(Result(receipt, url="https://host.example/dead"), tmp_path / "a.mp4")
    if taken:
        asyncio.run(work)
    else:
        with pytest.raises(JobError, match="dead"):
            asyncio.run(work)
    assert fetched == ([f"https://host.example/{taken}"] if taken else [])


def test_what_came_inside_an_answer_is_checked_as_well(tmp_path: Path) -> None:
    """Base64 can hold anything."""

    async def work(provider: FlowProvider) -> None:
        receipt = Receipt("flow", EMAIL)
        got = await provider.fetch(Result(receipt, content=CLIP), tmp_path / "a.mp4")
        assert ("mp4", len(CLIP)) == (got.type, got.size_bytes)
        with pytest.raises(MediaError):
            await provider.fetch(Result(receipt, content=b"<html>"), tmp_path / "b.mp4")
        with pytest.raises(MediaError, match="written"):
            await provider.fetch(Result(receipt, content=CLIP), tmp_path / "no/such/folder/c.mp4")

    run(lambda line, body: (200, {}), work)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
