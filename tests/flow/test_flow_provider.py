"""The provider against the emulator through real sockets: every endpoint, and what happens when something breaks."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flow_builders import EMAIL, OTHER, Refs, node, order, person, picture, slot, upstream
from msgspec.structs import replace
from PIL import Image

from veospec.catalog.shipped import load_catalogue
from veospec.emulator.options import AccountOption, Options
from veospec.emulator.serve import Address, running
from veospec.errors import (
    AccessDenied,
    ApiError,
    BudgetExceeded,
    Charge,
    ContentRefused,
    JobError,
    MediaError,
    OutOfCredits,
    RequestInvalid,
    Scope,
    SubmissionUnknown,
    Throttled,
    Unauthorized,
    Unreachable,
)
from veospec.filetypes import type_of
from veospec.media.boxes import check_mp4
from veospec.model import FileSource, Kind, Mode, Node, OwnVoice, PresetVoice
from veospec.providers.base import Attempt, Material, Prepared, Receipt, Result
from veospec.providers.flow import ids, wire
from veospec.providers.flow.config import FlowConfig, Token
from veospec.providers.flow.provider import FlowProvider

T = TypeVar("T")
CATALOGUE = load_catalogue()
TOKEN = "user:777-CANARYtoken99"
STILL = {"kind": Kind.STILL, "mode": Mode.IMAGE, "model": "nano-banana-2", "duration": None, "resolution": ""}


def whole_file(path: Path) -> str:
    with path.open("rb") as file:
        kind = type_of(file.read(32))
    if kind == "mp4":
        check_mp4(path)
    elif not kind:
        raise MediaError("neither clip nor picture")
    return kind


@pytest.fixture(scope="module")
def emulator() -> Iterator[Address]:
    accounts = (AccountOption(EMAIL), AccountOption(OTHER, "pro", 500))
    options = Options(
        accounts=accounts, job_seconds=0.02, image_seconds=0, token=TOKEN, media="small", throttle_seconds=7
    )
    with running(options) as address:
        yield address


@dataclass
class Stage:
    """One provider beside the emulator, for one test."""

    address: Address
    folder: Path
    emails: tuple[str, ...] = (EMAIL,)
    refs: Refs = field(default_factory=Refs)
    ahead: timedelta = timedelta()
    owners: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN
    naps: list[float] = field(default_factory=list)

    def admin(self, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.address.root}/_emulator/{name}", data) as reply:
            return json.load(reply)

    def faults(self, *rules: dict[str, Any]) -> None:
        self.admin("faults", list(rules))

    @property
    def charges(self) -> list[dict[str, Any]]:
        return list(self.admin("ledger")["charges"])

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call so far, with the first words of its path as `call`: `assets`, `videos`, `download`..."""
        found = []
        for call in self.admin("calls")["calls"]:
            below = call["path"].partition("/v1/google-flow/")[2]
            name = below if below.startswith(("videos/", "images/")) else below.partition("/")[0]
            found.append(call | {"call": name or "download"})
        return found

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)

    def run(self, work: Callable[[FlowProvider], Awaitable[T]]) -> T:
        async def main() -> T:
            config = FlowConfig(Token(self.token), self.emails, self.address.base_url)
            provider = FlowProvider(
                config, CATALOGUE, self.refs, check=whole_file, owners=self.owners, now=self.now, sleep=self.nap
            )
            try:
                return await work(provider)
            finally:
                await provider.aclose()

        return asyncio.run(main())

    async def make(
        self, provider: FlowProvider, made: Node, *materials: Material, takes: tuple[int, ...] = (1,)
    ) -> list[tuple[Result, Path]]:
        """Do all of it: prepare, submit, poll, fetch."""
        prepared = await provider.prepare(order(made, *materials, takes=takes))
        accepted = await provider.submit(prepared, f"vs1:{made.id}:{len(self.calls)}")
        results = accepted.results or await finished(provider, accepted.job_id)
        found = []
        for number, result in enumerate(results):
            target = self.folder / f"{made.id.replace(':', '_')}_{number}.bin"
            if not result.refused:
                got = await provider.fetch(result, target)
                assert got.size_bytes == target.stat().st_size
            found.append((result, target))
        return found


async def finished(provider: FlowProvider, job_id: str) -> tuple[Result, ...]:
    for _ in range(400):
        found = await provider.poll(job_id)
        if found is not None:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("the job did not end")


@pytest.fixture
def stage(emulator: Address, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(emulator, tmp_path)
    made.faults()
    yield made
    made.faults()
    assert not [call for call in made.calls if call["call"] == "download" and call["hasToken"]]


def png(folder: Path, name: str = "a.png", colour: str = "red") -> Path:
    path = folder / name
    Image.new("RGB", (320, 180), colour).save(path)
    return path


def of(result: Result, path: Path, name: str, node_id: str) -> Material:
    made = picture(path, name, upstream(node_id), result.receipt)
    return replace(made, type=whole_file(path))


# -- every endpoint ---------------------------------------------------------------------------------------


def test_the_whole_graph_through_every_endpoint(stage: Stage) -> None:
    """Stills to clips to extension, upscale, gif and join; generated media are named by id, never uploaded again."""

    async def work(provider: FlowProvider) -> None:
        notes = await provider.preflight((), 300)
        assert notes == ()
        assert provider.plan_class == "ultra-200"
        ((still, quay),) = await stage.make(provider, node("still:quay", **STILL))
        front = picture(png(stage.folder))
        voice = OwnVoice("ada_low", "Kore", "Hold her there.", "dry")
        ada = person(FileSource("a.png"), upstream("still:quay"), voice=voice, notes="calm")
        parts = (front, of(still, quay, "part", "still:quay"))
        character = Material(slot("character_1", ada), parts=parts)

        i2v = node("I2V", slot("start", upstream("still:quay")), mode=Mode.I2V)
        i2v_fl = node("FL", slot("start", upstream("still:quay")), slot("end", FileSource("a.png")), mode=Mode.I2V_FL)
        narrator = slot("voice_1", PresetVoice("Zephyr"))
        r2v = node("R2V", slot("character_1", ada), narrator, mode=Mode.R2V, model="omni-flash")
        t2v = await stage.make(provider, node("T2V", resolution="720p"), takes=(1, 2))
        await stage.make(provider, i2v, of(still, quay, "start", "still:quay"))
        await stage.make(
            provider,
            i2v_fl,
            of(still, quay, "start", "still:quay"),
            replace(front, entry=slot("end", FileSource("a.png"))),
        )
        await stage.make(provider, r2v, character, Material(narrator))
        assert [result.receipt.seed for result, _ in t2v] == [41, 42]
        assert {EMAIL} == {result.receipt.account for result, _ in t2v}

        clip, file = t2v[0]
        plate = replace(picture(file, "source", FileSource("plate.mp4")), type="mp4")
        v2v = node(
            "V2V",
            slot("source", FileSource("plate.mp4")),
            mode=Mode.V2V,
            model="omni-flash",
            window=(0, 96),
            duration=Fraction(4),
        )
        await stage.make(provider, v2v, plate)
        v2v_own = node(
            "V2Vb",
            slot("source", upstream("T2V")),
            mode=Mode.V2V,
            model="omni-flash",
            window=(0, 96),
            duration=Fraction(4),
        )
        await stage.make(provider, v2v_own, of(clip, file, "source", "T2V"))

        extend = node("EXT", slot("source", upstream("T2V")), mode=Mode.EXTEND)
        ((extension, _),) = await stage.make(provider, extend, of(clip, file, "source", "T2V"))
        for size in ("1080p", "4k"):
            upscale = node(
                f"upscale:{size}",
                slot("source", upstream("T2V")),
                kind=Kind.UPSCALE,
                mode=Mode.UPSCALE,
                resolution=size,
            )
            ((up, _),) = await stage.make(provider, upscale, of(clip, file, "source", "T2V"))
            assert up.receipt.media_id.endswith("_upsampled")
        bigger = node(
            "upscale:still:quay",
            slot("source", upstream("still:quay")),
            kind=Kind.UPSCALE,
            mode=Mode.UPSCALE,
            resolution="2k",
        )
        ((_, big),) = await stage.make(provider, bigger, of(still, quay, "source", "still:quay"))
        assert whole_file(big) == "jpeg"

        assert (await provider.gif(clip.receipt.media_id))[:4] == b"GIF8"
        joined = await provider.concatenate(
            [wire.Segment(clip.receipt.media_id), wire.Segment(extension.receipt.media_id, Fraction(1))]
        )
        assert joined[4:8] == b"ftyp"
        assert {EMAIL, OTHER} == {account.email for account in await provider.connected()}
        await provider.captcha()

    before = len(stage.calls)
    stage.run(work)
    made = stage.calls[before:]
    uploads = [call for call in made if call["call"] == "assets"]
    assert len(uploads) == 2, uploads  # the picture and the plate, each once
    assert len([call for call in made if call["call"] == "characters"]) == 1
    assert len([call for call in made if call["call"] == "voices"]) == 1
    assert not [call for call in made if call["status"] >= 400], made


def test_a_second_run_remembers_what_it_made(stage: Stage) -> None:
    """Same bytes, same account: no upload, voice or character is made again."""
    front = picture(png(stage.folder, colour="navy"), "reference_1")
    ada = person(FileSource("a.png"), voice=OwnVoice("v", "Kore", "Hello there.", "plain"))
    made = node("R", slot("reference_1", FileSource("a.png")), slot("character_1", ada), mode=Mode.R2V)
    asked = order(made, front, Material(slot("character_1", ada), parts=(front,)))

    async def work(provider: FlowProvider) -> Prepared:
        return await provider.prepare(asked)

    first = stage.run(work)
    before = len(stage.calls)
    assert first.body == stage.run(work).body
    assert [call for call in stage.calls[before:] if call["method"] == "POST"] == []
    stage.emails = (OTHER,)
    other = stage.run(work)
    assert {OTHER} == {ids.owner_of(str(other.body[name])) for name in ("referenceImage_1", "character_1")}


def test_twenty_callers_upload_one_file_once(stage: Stage) -> None:
    """Shots that share a picture wait for its one upload."""
    front = picture(png(stage.folder, colour="olive"))
    made = node("S", slot("start", FileSource("a.png")), mode=Mode.I2V)

    async def work(provider: FlowProvider) -> None:
        await asyncio.gather(*(provider.prepare(order(made, front)) for _ in range(20)))

    before = len(stage.calls)
    stage.run(work)
    assert len([call for call in stage.calls[before:] if call["call"] == "assets"]) == 1


def test_a_frame_of_a_clip_is_a_new_picture(stage: Stage) -> None:
    """The id of the clip does not name its last frame, so the frame is uploaded."""
    receipt = Receipt("flow", EMAIL, "j1", f"user:777-email:{EMAIL.encode().hex()}-video:x")
    frame = replace(
        picture(png(stage.folder, colour="teal")), entry=slot("start", upstream("SH030", "last")), receipt=receipt
    )
    made = node("S", slot("start", upstream("SH030", "last")), mode=Mode.I2V)
    prepared = stage.run(lambda provider: provider.prepare(order(made, frame)))
    assert "-image:" in prepared.body["startImage"]


def test_media_of_another_account_are_uploaded_again(stage: Stage) -> None:
    """A still that lies in one account starts a clip in another: from our copy of its bytes."""
    path = png(stage.folder, colour="plum")
    receipt = Receipt("flow", OTHER, "", f"user:777-email:{OTHER.encode().hex()}-image:x")
    made = node("S", slot("start", upstream("still:q")), mode=Mode.I2V)
    asked = order(made, picture(path, "start", upstream("still:q"), receipt))
    prepared = stage.run(lambda provider: provider.prepare(asked))
    assert ids.owner_of(prepared.body["startImage"]) == EMAIL


@pytest.mark.parametrize("mode", [Mode.EXTEND, Mode.UPSCALE])
def test_what_cannot_be_uploaded_follows_its_source(stage: Stage, mode: Mode) -> None:
    """An extension goes to the account of its clip; a source without an id is refused before anything is sent."""
    source = slot("source", upstream("S"))
    kind = Kind.UPSCALE if mode is Mode.UPSCALE else Kind.CLIP
    made = node("E", source, mode=mode, kind=kind, resolution="1080p")
    media_id = f"user:777-email:{OTHER.encode().hex()}-video:x"
    known = order(made, Material(source, receipt=Receipt("flow", OTHER, "", media_id)))
    assert stage.run(lambda provider: provider.prepare(known)).account == OTHER
    before = len(stage.calls)
    with pytest.raises(RequestInvalid, match="source"):
        stage.run(lambda provider: provider.prepare(order(made, Material(source))))
    assert before == len(stage.calls)


# -- faults -----------------------------------------------------------------------------------------------


def test_a_dead_reference_is_uploaded_again_once(stage: Stage) -> None:
    """ "Not found" for an input is a proven rejection: forget, upload, send again, pay once."""
    front = picture(png(stage.folder, colour="pink"))
    made = node("S", slot("start", FileSource("a.png")), mode=Mode.I2V)
    stage.faults({"call": "videos", "number": 1, "fault": 404, "text": "Asset user:777 not found"})
    paid, before = len(stage.charges), len(stage.calls)
    stage.run(lambda provider: stage.make(provider, made, front))
    assert [call["call"] for call in stage.calls[before:] if call["method"] == "POST"] == [
        "assets",
        "videos",
        "assets",
        "videos",
    ]
    assert len([charge for charge in stage.charges[paid:] if charge["operation"] == "videos"]) == 1


def test_a_dead_reference_twice_is_an_error(stage: Stage) -> None:
    """No third try."""
    front = picture(png(stage.folder, colour="pink"))
    made = node("S", slot("start", FileSource("a.png")), mode=Mode.I2V)
    stage.faults({"call": "videos", "number": "1-", "fault": 404, "text": "Asset user:777 not found"})
    before = len(stage.calls)
    with pytest.raises(RequestInvalid):
        stage.run(lambda provider: stage.make(provider, made, front))
    assert len([call for call in stage.calls[before:] if call["call"] == "videos"]) == 2


def attempt(prepared: Prepared, mark: str, at: datetime) -> Attempt:
    found = prepared.order
    return Attempt(
        "a1",
        mark,
        found.keys,
        found.node.id,
        found.takes,
        prepared.account,
        found.node.request.model,
        prepared.path,
        prepared.body,
        at,
    )


LOST: list[Any] = ["cut-after-accept", "truncated-body", "bad-json"]
LOST += [{"fault": status, "accepted": True} for status in (408, 500, 502, 504)]


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_lost_answer_is_found_by_its_mark(stage: Stage, fault: Any) -> None:
    """The job was started and paid; it is adopted, never bought again."""
    rule = fault if isinstance(fault, dict) else {"fault": fault}
    stage.faults({"call": "videos", "number": 1} | rule)
    paid = len(stage.charges)

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(order(node("S")))
        mark, at = f"vs1:lost:{paid}", stage.now()
        with pytest.raises(SubmissionUnknown) as caught:
            await provider.submit(prepared, mark)
        assert Charge.UNKNOWN is caught.value.charge
        found = await provider.recover(attempt(prepared, mark, at))
        assert found.job_id
        assert "ours" in found.seen
        (result,) = await finished(provider, found.job_id)
        await provider.fetch(result, stage.folder / "found.mp4")

    stage.run(work)
    assert len(stage.charges) - paid == 1


def test_an_enlarged_picture_is_asked_for_again(stage: Stage) -> None:
    """It is free, has no job, and its file is in the answer: whatever was lost, asking again brings it."""
    ((still, path),) = stage.run(lambda provider: stage.make(provider, node("still:q", **STILL)))
    source = slot("source", upstream("still:q"))
    made = node("upscale:still:q", source, kind=Kind.UPSCALE, mode=Mode.UPSCALE, resolution="2k")
    asked = order(made, of(still, path, "source", "still:q"))
    stage.faults({"call": "images/upscale", "number": 1, "fault": "cut-after-accept"})
    paid = sum(charge["credits"] for charge in stage.charges)

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(asked)
        with pytest.raises(SubmissionUnknown):
            await provider.submit(prepared, "vs1:x")
        found = await provider.recover(attempt(prepared, "vs1:x", stage.now()))
        (result,) = await finished(provider, found.job_id)
        await provider.fetch(result, stage.folder / "big.jpg")
        accepted = await provider.submit(prepared, "vs1:y")
        assert found.job_id == accepted.job_id

    stage.run(work)
    assert paid == sum(charge["credits"] for charge in stage.charges)


def test_a_request_that_was_never_read_is_not_found(stage: Stage) -> None:
    """Unknown stays unknown: nothing proves that nothing was started."""
    stage.faults({"call": "videos", "number": 1, "fault": "cut-before-read"})
    paid = len(stage.charges)

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(order(node("S")))
        with pytest.raises(SubmissionUnknown):
            await provider.submit(prepared, "vs1:never")
        found = await provider.recover(attempt(prepared, "vs1:never", stage.now()))
        assert (found.job_id, "none" in found.seen) == ("", True)

    stage.run(work)
    assert paid == len(stage.charges)


def test_the_job_of_another_mark_is_not_taken(stage: Stage) -> None:
    """The same request under another mark is somebody else's clip."""

    async def work(provider: FlowProvider) -> None:
        prepared = await provider.prepare(order(node("S")))
        at = stage.now()
        await provider.submit(prepared, "vs1:mine")
        assert (await provider.recover(attempt(prepared, "vs1:other", at))).job_id == ""

    stage.run(work)


def test_a_lost_answer_is_found_hours_later(emulator: Address, tmp_path: Path) -> None:
    """After the telemetry has forgotten, the captcha log still names the job."""
    with running(Options(job_seconds=0, token=TOKEN, media="small")) as address:
        stage = Stage(address, tmp_path)
        stage.faults({"call": "videos", "number": 1, "fault": "cut-after-accept"})

        async def lose(provider: FlowProvider) -> tuple[Prepared, datetime]:
            prepared, at = await provider.prepare(order(node("S"))), stage.now()
            with pytest.raises(SubmissionUnknown):
                await provider.submit(prepared, "vs1:late")
            return prepared, at

        prepared, at = stage.run(lose)
        stage.admin("clock", {"advance_s": 5 * 3600})
        stage.ahead = timedelta(hours=5)
        found = stage.run(lambda provider: provider.recover(attempt(prepared, "vs1:late", at)))
        assert found.job_id
        assert "captcha" in found.seen
        assert sum(rate.accepted for rate in stage.run(lambda provider: provider.captcha_rates())) == 1


DOWNLOADS = ["truncated-body", "wrong-length", "cut-before-read", "no-length", {"fault": 503}, {"fault": 502}]


@pytest.mark.parametrize("fault", DOWNLOADS, ids=str)
def test_a_broken_download_is_repeated(stage: Stage, fault: Any) -> None:
    """Half a clip never gets a name; the second try brings all of it."""
    rule = fault if isinstance(fault, dict) else {"fault": fault}
    stage.faults({"call": "download", "number": 1} | rule)
    ((_, path),) = stage.run(lambda provider: stage.make(provider, node("S")))
    assert whole_file(path) == "mp4"
    assert list(stage.folder.glob("*.part")) == []


def test_a_dead_link_is_renewed_through_the_job(stage: Stage) -> None:
    """An expired link costs another look at the job, not another clip."""
    stage.faults({"call": "job", "number": "1-", "fault": "expired-link"})
    paid = len(stage.charges)

    async def work(provider: FlowProvider) -> None:
        accepted = await provider.submit(await provider.prepare(order(node("S"))), "vs1:x")
        (result,) = await finished(provider, accepted.job_id)
        stage.faults()
        await provider.fetch(result, stage.folder / "a.mp4")

    stage.run(work)
    assert len(stage.charges) - paid == 1


def test_a_dead_link_is_renewed_through_the_asset(stage: Stage) -> None:
    """When the job is gone as well, the asset still has a link."""

    async def work(provider: FlowProvider) -> None:
        accepted = await provider.submit(await provider.prepare(order(node("S"))), "vs1:x")
        (result,) = await finished(provider, accepted.job_id)
        stage.faults(
            {"call": "job", "number": "1-", "fault": "job-expired"}, {"call": "download", "number": 1, "fault": 403}
        )
        await provider.fetch(result, stage.folder / "a.mp4")

    stage.run(work)


def test_a_result_that_nobody_has_is_gone(stage: Stage) -> None:
    """Paid and lost: said with its charge, so that it is never quietly bought again."""

    async def work(provider: FlowProvider) -> None:
        accepted = await provider.submit(await provider.prepare(order(node("S"))), "vs1:x")
        (result,) = await finished(provider, accepted.job_id)
        stage.faults(
            {"call": "job", "number": "1-", "fault": "job-vanished"},
            {"call": "asset", "number": "1-", "fault": 404},
            {"call": "download", "number": "1-", "fault": 403},
        )
        with pytest.raises(JobError) as caught:
            await provider.fetch(result, stage.folder / "a.mp4")
        assert (caught.value.charge, caught.value.reason) == (Charge.YES, "RESULT_GONE")

    stage.run(work)


def test_a_download_that_stays_broken_keeps_the_job(stage: Stage) -> None:
    """Three tries with growing pauses, then an error that says the clip is kept."""
    stage.faults({"call": "download", "number": "1-", "fault": "truncated-body"})
    with pytest.raises(Unreachable, match="download"):
        stage.run(lambda provider: stage.make(provider, node("S")))
    assert stage.naps == [1.0, 2.0]


def test_an_accepted_job_that_is_not_listed_yet_is_running(stage: Stage) -> None:
    """404 right after the 201 is no loss."""
    stage.faults({"call": "job", "number": 1, "fault": "job-vanished"})

    async def work(provider: FlowProvider) -> None:
        accepted = await provider.submit(await provider.prepare(order(node("S"))), "vs1:x")
        assert None is await provider.poll(accepted.job_id)
        await finished(provider, accepted.job_id)
        stage.faults({"call": "job", "number": 1, "fault": "job-vanished"})
        stage.ahead = timedelta(minutes=10)
        with pytest.raises(JobError) as caught:
            await provider.poll(accepted.job_id)
        assert (caught.value.reason, caught.value.charge) == ("JOB_NOT_FOUND", Charge.UNKNOWN)

    stage.run(work)
    stage.ahead = timedelta()

    async def after_a_restart(provider: FlowProvider) -> None:
        name = "j1129071315360343v-u777-email:st***@example.com-bot:google-flow"
        assert await provider.poll(name, stage.now() - timedelta(seconds=20)) is None
        with pytest.raises(JobError):
            await provider.poll(name, stage.now() - timedelta(minutes=10))

    stage.run(after_a_restart)


OUTCOMES: list[tuple[dict[str, Any], Node, type[ApiError] | None]] = [
    ({"call": "videos", "fault": "moderation"}, node("S"), ContentRefused),
    ({"call": "videos", "fault": "job-failed"}, node("S"), JobError),
    ({"call": "videos", "fault": 400}, node("S"), ContentRefused),
    ({"call": "videos", "fault": 401}, node("S"), Unauthorized),
    ({"call": "videos", "fault": 402}, node("S"), OutOfCredits),
    ({"call": "videos", "fault": 403, "reason": "html"}, node("S"), Unauthorized),
    ({"call": "videos", "fault": 403, "reason": "MODEL_ACCESS_DENIED"}, node("S"), AccessDenied),
    ({"call": "videos", "fault": 403}, node("S"), Throttled),
    *(({"call": "videos", "fault": 429, "reason": reason}, node("S"), Throttled)
      for reason in ("THROTTLED", "USER_QUOTA", "PER_MODEL_DAILY", "TOO_MUCH_TRAFFIC", "no_eligible_account")),
    ({"call": "videos", "fault": 503}, node("S"), Throttled),
    ({"call": "videos", "fault": 503, "reason": "captcha"}, node("S"), OutOfCredits),
    ({"call": "videos", "fault": 596}, node("S"), Unauthorized),
    ({"call": "videos", "fault": "redirect"}, node("S"), SubmissionUnknown),
    ({"call": "videos", "fault": 500}, node("S"), SubmissionUnknown),
    ({"call": "images", "fault": 500}, node("still:q", **STILL), JobError),
    ({"call": "images", "fault": "cut-after-accept"}, node("still:q", **STILL), SubmissionUnknown),
    ({"call": "images", "fault": 429}, node("still:q", **STILL), Throttled),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "made", "error"), OUTCOMES, ids=[str(row[0]) for row in OUTCOMES])
def test_each_fault_has_its_class_and_costs_nothing(
    stage: Stage, rule: dict[str, Any], made: Node, error: type[ApiError]
) -> None:
    """What the emulator says did not charge is not called unknown, and the other way round."""
    stage.faults({"number": 1} | rule)
    paid = sum(charge["credits"] for charge in stage.charges)
    with pytest.raises(error) as caught:
        stage.run(lambda provider: stage.make(provider, made))
    assert (caught.type is error) or isinstance(caught.value, error)
    assert paid == sum(charge["credits"] for charge in stage.charges)
    assert TOKEN not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"
    if error is Throttled:
        assert caught.value.retry_after_s


def test_pictures_in_every_form(stage: Stage) -> None:
    """A link, base64 in two places, and a 200 with nothing in it."""
    for rule in ({"fault": "encoded-image"}, {"fault": "encoded-image", "where": "entry"}):
        stage.faults({"call": "images", "number": 1} | rule)
        ((result, path),) = stage.run(lambda provider: stage.make(provider, node("still:q", **STILL)))
        assert result.content
        assert whole_file(path) == "jpeg"
    stage.faults({"call": "images", "number": 1, "fault": "images-silent-refusal"})
    ((result, path),) = stage.run(lambda provider: stage.make(provider, node("still:q", **STILL)))
    assert "silent" in result.refused
    assert result.receipt.job_id


def test_a_filtered_variant_stands_beside_good_ones(stage: Stage) -> None:
    """Three takes, the second filtered: two clips and one reason."""
    stage.faults({"call": "videos", "number": 1, "fault": "filtered-entry", "entry": 2})
    found = stage.run(lambda provider: stage.make(provider, node("S"), takes=(1, 2, 3)))
    assert [bool(result.refused) for result, _ in found] == [False, True, False]


def test_a_denied_model_is_not_asked_again_in_this_run(stage: Stage) -> None:
    """(account, model) is remembered; another model still goes."""
    stage.faults({"call": "videos", "number": 1, "fault": 403, "reason": "MODEL_ACCESS_DENIED"})

    async def work(provider: FlowProvider) -> None:
        with pytest.raises(AccessDenied) as caught:
            await stage.make(provider, node("A"))
        assert Scope.MODEL is caught.value.scope
        provider.bar(EMAIL, "veo-3.1-fast", caught.value)
        before = len(stage.calls)
        with pytest.raises(AccessDenied):
            await provider.prepare(order(node("B")))
        assert before == len(stage.calls)
        await stage.make(provider, node("C", model="veo-3.1-lite"))

    stage.run(work)


# -- accounts ---------------------------------------------------------------------------------------------


def test_preflight_spreads_and_counts(stage: Stage) -> None:
    """Nodes that share nothing go to both accounts, what shares media stays together, credits are added up."""
    stage.emails = (EMAIL, OTHER)
    still = node("still:q", **STILL)
    nodes = (still, node("A", slot("start", upstream("still:q")), mode=Mode.I2V), node("B"), node("C"))

    async def work(provider: FlowProvider) -> list[str]:
        await provider.preflight(nodes, 100)
        return [await provider.account_of(made) for made in nodes]

    assert stage.run(work) == [EMAIL, EMAIL, OTHER, OTHER]
    stage.owners = {"still:q": OTHER}
    assert stage.run(work) == [OTHER, OTHER, EMAIL, EMAIL]


@pytest.mark.parametrize(
    ("emails", "needed", "error", "says"),
    [
        ((EMAIL,), 10_000_000, OutOfCredits, "needs 10000000"),
        (("nobody@example.com",), 1, Unauthorized, "not connected"),
        ((), 1, Unauthorized, "USEAPI_EMAIL"),
    ],
)
def test_preflight_refuses(
    stage: Stage, emails: tuple[str, ...], needed: int, error: type[ApiError], says: str
) -> None:
    """Before anything is sent, with what to set."""
    stage.emails = emails
    with pytest.raises(error) as caught:
        stage.run(lambda provider: provider.preflight((), needed))
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_what_the_account_pays_is_held_against_what_was_agreed_to(stage: Stage) -> None:
    """Of two clips a Pro account pays 20 for one; the short one is not for its plan and counts as where it is."""
    stage.emails = (OTHER,)
    nodes = (node("A"), node("B", duration=Fraction(4)))
    with pytest.raises(BudgetExceeded, match="pro, where this costs up to 30"):
        stage.run(lambda provider: provider.preflight(nodes, 20, 29))
    stage.run(lambda provider: provider.preflight(nodes, 20, 30))


def test_an_account_whose_session_died_is_not_used(stage: Stage) -> None:
    """With another account the run goes on and says so; alone it stops."""
    stage.emails = (EMAIL, OTHER)
    dead = {"call": "account", "number": "1-", "account": EMAIL, "fault": 596}
    stage.faults(dead)

    async def work(provider: FlowProvider) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return await provider.preflight((), 1), provider.accounts

    notes, used = stage.run(work)
    assert (len(notes), used) == (1, (OTHER,))
    assert EMAIL in notes[0]
    stage.emails = (EMAIL,)
    stage.faults(dead)
    with pytest.raises(Unauthorized, match="session"):
        stage.run(work)


def test_an_account_that_cannot_be_read_is_a_note(stage: Stage) -> None:
    """What is not known does not stop a run."""
    stage.faults({"call": "account", "number": 1, "fault": 404})
    (note, *_) = stage.run(lambda provider: provider.preflight((), 1))
    assert "not known" in note


@pytest.mark.parametrize("fault", [502, "429", "cut before read"])
def test_a_hiccup_before_the_first_request_passes(stage: Stage, fault: int | str) -> None:
    """Once or twice; a service that is gone stops the run."""
    stage.faults({"call": "accounts", "number": "1-2", "fault": fault})
    stage.run(lambda provider: provider.preflight((), 1))
    stage.faults({"call": "accounts", "number": "1-", "fault": fault})
    with pytest.raises((Throttled, Unreachable)):
        stage.run(lambda provider: provider.preflight((), 1))


def test_a_wrong_token_stops_the_run(stage: Stage) -> None:
    """Exit 8 and what to set; the token itself is not repeated."""
    stage.token = "user:777-WRONGwrong"
    with pytest.raises(Unauthorized) as caught:
        stage.run(lambda provider: provider.preflight((), 1))
    assert (caught.value.scope, caught.value.exit_code) == (Scope.RUN, 8)
    assert "WRONG" not in f"{caught.value.message}{caught.value.hint}"


def test_the_one_account_is_found(tmp_path: Path) -> None:
    """Without USEAPI_EMAIL the only connected account is used."""
    with running(Options(job_seconds=0, token=TOKEN, media="small")) as address:
        stage = Stage(address, tmp_path, emails=())
        prepared = stage.run(lambda provider: provider.prepare(order(node("S"))))
        assert prepared.body["email"] == "studio.one@example.com"


def test_the_token_is_nowhere(stage: Stage) -> None:
    """Not in a file, a remembered handle, a receipt, a result or a printed object."""
    front = picture(png(stage.folder, colour="gold"))
    made = node("S", slot("start", FileSource("a.png")), mode=Mode.I2V)

    async def work(provider: FlowProvider) -> str:
        found = await stage.make(provider, made, front)
        return f"{found!r} {provider!r} {provider._config!r} {stage.refs.known!r}"

    assert "CANARY" not in stage.run(work)
    for path in stage.folder.rglob("*"):
        assert b"CANARY" not in path.read_bytes()
