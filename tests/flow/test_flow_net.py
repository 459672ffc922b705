"""The network edge against a raw server that misbehaves: what left, what came, and who got the token."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from flow_builders import CANARY, CLIP, EMAIL, NOW, PNG, Wire, serving

from veospec.errors import ApiError, Charge, MediaError, SubmissionUnknown, Unauthorized, Unreachable
from veospec.providers.flow.api import FlowApi
from veospec.providers.flow.config import DOWNLOAD_HOSTS, Token
from veospec.providers.flow.downloads import DownloadClient
from veospec.providers.flow.http11 import Broken
from veospec.providers.flow.links import Gate, LinkDead, LinkRefused, is_public
from veospec.providers.flow.net import USER_AGENT, ApiClient, Limits, Upload

QUICK = Limits(read_s=0.2, total_s=0.6, max_bytes=4096, write_s=0.5, connect_s=0.5)
BODY = {"prompt": "x", "count": 1}


def client(url: str, **options: Any) -> ApiClient:
    return ApiClient(url + "/v1/google-flow", Token(CANARY), **options)


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await work

    return asyncio.run(main())


# -- the paying request -----------------------------------------------------------------------------------


async def _closes(wire: Wire, head: str, body: bytes) -> None:
    return None


async def _resets(wire: Wire, head: str, body: bytes) -> None:
    wire.reset()


async def _half(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b'HTTP/1.1 201 Created\r\nContent-Length: 200\r\n\r\n{"jobid":')


async def _cut_chunks(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"job')


async def _garbage(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"SSH-2.0-x\r\n\r\n")


async def _two_lengths(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}")


async def _bad_length(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 201 Created\r\nContent-Length: -2\r\n\r\n{}")


async def _page_502(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"<html>bad gateway</html>", "502 Bad Gateway")


async def _redirects(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"", "307 Temporary Redirect", "Location: /v2/charge-twice\r\n")


async def _no_id(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"not json", "201 Created")


async def _bomb(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(gzip.compress(bytes(100_000)), "201 Created", "Content-Encoding: gzip\r\n")


async def _long_head(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 201 Created\r\n" + b"X: y\r\n" * 200_000 + b"\r\n")


LOST = [_closes, _resets, _half, _cut_chunks, _garbage, _two_lengths, _bad_length, _page_502, _redirects, _no_id, _bomb,
        _long_head]  # fmt: skip


@pytest.mark.parametrize("handler", LOST, ids=lambda handler: handler.__name__)
def test_an_unclear_answer_is_unknown_and_sent_once(handler: Any) -> None:
    """Whatever happens after the request was read: unknown, one request, never another."""

    async def main() -> None:
        async with serving(handler) as server:
            made = client(server.url)
            with pytest.raises(SubmissionUnknown) as caught:
                await FlowApi(made, Token(CANARY), lambda: NOW).submit("/videos", BODY, email=EMAIL)
            await made.aclose()
            assert server.lines == ["POST /v1/google-flow/videos"]
            assert Charge.UNKNOWN is caught.value.charge
            assert "CANARY" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"

    run(main())


def test_nothing_listens_means_nothing_was_sent() -> None:
    """The one failure after which a request may simply be made again."""

    async def main() -> None:
        async with serving(_closes) as server:
            port = server.port
        made = client(f"http://127.0.0.1:{port}")
        with pytest.raises(Unreachable) as caught:
            await FlowApi(made, Token(CANARY), lambda: NOW).submit("/videos", BODY, email=EMAIL)
        assert (caught.value.charge, caught.value.retry_after_s is not None) == (Charge.NO, True)
        await made.aclose()

    run(main())


def test_a_server_that_speaks_no_tls_got_nothing() -> None:
    """A failed handshake is before the first byte of the request."""

    async def main() -> None:
        async with serving(_garbage) as server:
            made = ApiClient(f"https://127.0.0.1:{server.port}", Token(CANARY))
            with pytest.raises(Broken) as caught:
                await made.exchange("POST", "/videos", limits=QUICK, content=b"{}", is_own=True)
            assert not caught.value.sent
            assert not server.heads
            await made.aclose()

    run(main())


def test_each_paying_request_has_a_connection_of_its_own() -> None:
    """A kept connection that dies looks like a lost answer, so none is used."""

    async def ok(wire: Wire, head: str, body: bytes) -> bool:
        await wire.answer(b'{"jobid": "j1"}', "201 Created")
        return True

    async def main() -> None:
        async with serving(ok) as server:
            made = client(server.url)
            api = FlowApi(made, Token(CANARY), lambda: NOW)
            await api.get("/jobs/j1")
            await api.get("/jobs/j1")
            assert server.connections == 1
            await api.submit("/videos", BODY, email=EMAIL)
            await api.submit("/videos", BODY, email=EMAIL)
            assert server.connections == 3
            await made.aclose()

    run(main())


def test_what_every_request_carries() -> None:
    """Own agent, the token, JSON, no compression, the job id raw in the path."""
    job = "j17v-u7-email:st***@example.com-bot:google-flow"

    async def ok(wire: Wire, head: str, body: bytes) -> bool:
        await wire.answer(head="Set-Cookie: a=b\r\n")
        return True

    async def main() -> None:
        async with serving(ok) as server:
            made = client(server.url)
            api = FlowApi(made, Token(CANARY), lambda: NOW)
            await api.get(f"/jobs/{job}")
            await api.submit("/videos", BODY, email=EMAIL)
            await made.aclose()
            first, second = (head.lower() for head in server.heads)
            assert f"GET /v1/google-flow/jobs/{job}" == server.lines[0]
            assert f"authorization: bearer {CANARY.lower()}" in first
            assert f"user-agent: {USER_AGENT}" in first
            assert "accept-encoding: identity" in first
            assert "cookie" not in second
            assert "content-type: application/json" in second
            assert server.bodies[1] == b'{"prompt": "x", "count": 1}'

    run(main())


# -- free calls -------------------------------------------------------------------------------------------


def test_a_kept_connection_that_died_is_replaced_for_a_get() -> None:
    """The server closes after each answer without saying so; the reader never notices."""

    async def once(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer()

    async def main() -> None:
        async with serving(once) as server:
            made = client(server.url)
            for _ in range(5):
                reply = await made.exchange("GET", "/accounts", limits=QUICK)
                assert reply.status == 200
            await made.aclose()

    run(main())


async def _drips(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        await wire.send(b"x")
        await asyncio.sleep(0.05)


async def _silent(wire: Wire, head: str, body: bytes) -> None:
    await asyncio.sleep(5)


async def _endless(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000)


async def _big(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"x" * 5000)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (_drips, "no whole answer"),
        (_silent, "no answer"),
        (_endless, "larger"),
        (_big, "larger"),
        (_bomb, "compressed"),
    ],
)
def test_time_and_size_end_an_answer(handler: Any, why: str) -> None:
    """A dripping server beats every single read limit; the deadline of the whole exchange ends it."""

    async def main() -> None:
        async with serving(handler) as server:
            made = client(server.url)
            with pytest.raises(Broken, match=why):
                await made.exchange("GET", "/accounts", limits=QUICK)
            await made.aclose()

    run(main())


def test_chunked_and_interim_answers_are_read() -> None:
    """100 Continue is skipped, chunks are joined, trailers dropped, the connection kept."""

    async def chunks(wire: Wire, head: str, body: bytes) -> bool:
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 596 Strange\r\ntransfer-encoding: Chunked\r\n\r\n")
        await wire.send(b'3;x=y\r\n{"a\r\n4\r\n": 1\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n')
        return True

    async def main() -> None:
        async with serving(chunks) as server:
            made = client(server.url)
            for _ in range(2):
                reply = await made.exchange("GET", "/accounts", limits=QUICK)
                assert (reply.status, reply.body) == (596, b'{"a": 1}')
            assert server.connections == 1
            await made.aclose()

    run(main())


def test_the_dead_session_and_the_html_403() -> None:
    """Two answers that look like something else."""

    async def answers(wire: Wire, head: str, body: bytes) -> bool:
        if "accounts" in head:
            await wire.answer(b'{"error": "Failed to refresh session"}', "596 ")
        else:
            await wire.answer(b"<html>error code: 1010</html>", "403 Forbidden")
        return True

    async def main() -> None:
        async with serving(answers) as server:
            made = client(server.url)
            api = FlowApi(made, Token(CANARY), lambda: NOW)
            with pytest.raises(Unauthorized, match="session"):
                await api.get("/accounts")
            with pytest.raises(Unauthorized, match="edge"):
                await api.submit("/videos", BODY, email=EMAIL)
            await made.aclose()

    run(main())


def test_a_path_cannot_lead_to_another_host() -> None:
    """The client refuses before it connects."""

    async def main() -> None:
        made = ApiClient("http://127.0.0.1:9", Token(CANARY))
        for path in ("@evil.example/x", ".evil.example/x"):
            with pytest.raises(Broken) as caught:
                await made.exchange("GET", path, limits=QUICK)
            assert not caught.value.sent
        await made.aclose()

    run(main())


def test_many_callers_share_few_connections() -> None:
    """Two hundred at once over eight connections, all answered, none lost."""
    at_once = most = 0

    async def slow(wire: Wire, head: str, body: bytes) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1
        await wire.answer()
        return True

    async def main() -> None:
        async with serving(slow) as server:
            made = client(server.url, connections=8)
            limits = Limits(read_s=5, total_s=10)
            replies = await asyncio.gather(*(made.exchange("GET", f"/jobs/j{n}", limits=limits) for n in range(200)))
            assert {200} == {reply.status for reply in replies}
            assert server.connections <= 8
            await made.aclose()

    run(main())
    assert 2 <= most <= 8


def test_a_cancelled_call_gives_its_connection_up() -> None:
    """After a cancelled exchange the gate is free and the half-read connection is not used again."""

    asked = asyncio.Event()

    async def slow_then_ok(wire: Wire, head: str, body: bytes) -> bool:
        if "/slow" in head:
            asked.set()
            await asyncio.sleep(3)
        await wire.answer()
        return True

    async def main() -> None:
        async with serving(slow_then_ok) as server:
            made = client(server.url, connections=1)
            task = asyncio.create_task(made.exchange("GET", "/slow", limits=Limits()))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            reply = await made.exchange("GET", "/fast", limits=QUICK)
            assert (reply.status, server.connections) == (200, 2)
            await made.aclose()

    run(main())


# -- uploads ----------------------------------------------------------------------------------------------


def test_an_upload_is_streamed_with_its_length(tmp_path: Path) -> None:
    """Raw bytes, the file's type, not chunked."""
    file = tmp_path / "a.png"
    file.write_bytes(PNG * 5000)

    async def ok(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer(b'{"mediaGenerationId": {"mediaGenerationId": "user:1-email:61-image:x"}}')

    async def main() -> None:
        async with serving(ok) as server:
            made = client(server.url)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            api = FlowApi(made, Token(CANARY), lambda: NOW)
            await api.upload(EMAIL, Upload(file, file.stat().st_size, digest, "image/png"))
            assert server.lines == ["POST /v1/google-flow/assets/studio.one%40example.com"]
            assert file.read_bytes() == server.bodies[0]
            assert "content-type: image/png" in server.heads[0].lower()
            assert "transfer-encoding" not in server.heads[0].lower()
            await made.aclose()

    run(main())


def test_a_file_that_changed_is_not_passed_off(tmp_path: Path) -> None:
    """Same size, other bytes: the upload fails instead of being remembered under the wrong digest."""
    file = tmp_path / "a.png"
    file.write_bytes(PNG)

    async def ok(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer()

    async def main() -> None:
        async with serving(ok) as server:
            made = client(server.url)
            for size in (len(PNG), len(PNG) - 1, len(PNG) + 1):
                with pytest.raises(MediaError, match="changed"):
                    await made.exchange(
                        "POST", "/assets", limits=QUICK, content=Upload(file, size, "0" * 64, "image/png")
                    )
            await made.aclose()

    run(main())


# -- downloads --------------------------------------------------------------------------------------------

LOOPBACK = Gate(DOWNLOAD_HOSTS, allows_loopback=True)
FETCH = Limits(read_s=0.3, total_s=2, max_bytes=100_000)


def fetched(handler: Any, tmp_path: Path, check: Callable[[Any, Any], None], *, path: str = "/v") -> None:
    async def main() -> None:
        async with serving(handler) as server:
            downloads = DownloadClient(LOOPBACK)
            try:
                got: Any = await downloads.download(server.url + path, tmp_path / "clip.mp4", limits=FETCH)
            except (Broken, LinkDead, LinkRefused, MediaError, ApiError) as error:
                got = error
            await downloads.aclose()
            check(got, server)

    run(main())
    assert not list(tmp_path.glob("*.part"))


def test_a_download_is_whole_hashed_and_anonymous(tmp_path: Path) -> None:
    """The token and the cookies stay with the API's client."""

    async def ok(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer(CLIP)

    def check(got: Any, server: Any) -> None:
        assert (hashlib.sha256(CLIP).hexdigest(), len(CLIP), CLIP[:64]) == (got.digest, got.size_bytes, got.head)
        assert (tmp_path / "clip.mp4").read_bytes() == CLIP
        assert not [
            line for line in server.heads[0].lower().split("\r\n") if line.startswith(("authorization", "cookie"))
        ]

    fetched(ok, tmp_path, check)


def test_a_length_that_is_told_twice_is_a_length(tmp_path: Path) -> None:
    """Two equal headers, as some proxies write them."""

    async def twice(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer(CLIP, head=f"Content-Length: {len(CLIP)}\r\n")

    def check(got: Any, server: Any) -> None:
        assert (tmp_path / "clip.mp4").read_bytes() == CLIP

    fetched(twice, tmp_path, check)


async def _cut(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + CLIP)


async def _empty(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"")


async def _too_big(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000))


async def _says_too_big(wire: Wire, head: str, body: bytes) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")


async def _expired(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"<xml/>", "403 Forbidden")


async def _elsewhere(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"", "302 Found", "Location: https://169.254.169.254/latest/meta-data\r\n")


async def _bomb_200(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(gzip.compress(bytes(1_000_000)), head="Content-Encoding: gzip\r\n")


async def _round(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"", "302 Found", "Location: /again\r\n")


async def _to_file(wire: Wire, head: str, body: bytes) -> None:
    await wire.answer(b"", "302 Found", "Location: file:///etc/hostname\r\n")


@pytest.mark.parametrize(
    ("handler", "error", "why"),
    [
        (_cut, Broken, "cut"),
        (_empty, Broken, "empty"),
        (_bomb_200, Broken, "compressed"),
        (_too_big, MediaError, "larger"),
        (_says_too_big, MediaError, "larger"),
        (_silent, Broken, "no answer"),
        (_expired, LinkDead, "403"),
        (_elsewhere, LinkRefused, "not allowed"),
        (_round, LinkRefused, "too often"),
        (_to_file, LinkRefused, "."),
    ],
)
def test_a_broken_download_leaves_nothing(handler: Any, error: type[Exception], why: str, tmp_path: Path) -> None:
    """No file under the final name, no part of one, and the reason."""

    def check(got: Any, server: Any) -> None:
        assert isinstance(got, error)
        assert why == "." or why in str(got)
        assert not (tmp_path / "clip.mp4").exists()
        assert len(server.heads) <= 4

    fetched(handler, tmp_path, check)


def test_a_redirect_to_an_allowed_place_is_followed(tmp_path: Path) -> None:
    """Relative, one hop."""

    async def hop(wire: Wire, head: str, body: bytes) -> bool:
        if head.startswith("GET /v "):
            await wire.answer(b"", "302 Found", "Location: /real?a=%20b\r\n")
        else:
            await wire.answer(CLIP)
        return True

    def check(got: Any, server: Any) -> None:
        assert len(CLIP) == got.size_bytes
        assert server.lines == ["GET /v", "GET /real?a=%20b"]

    fetched(hop, tmp_path, check)


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    """The part file is opened without following links."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "clip.mp4.part").symlink_to(victim)

    async def ok(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer(CLIP)

    fetched(ok, tmp_path, lambda got, _: isinstance(got, MediaError) or pytest.fail(repr(got)))
    assert victim.read_text() == "mine"


GATE = Gate((*DOWNLOAD_HOSTS, "media.example"))
LINKS = [
    ("https://flow-content.google/video/1?Expires=1", True),
    ("https://lh3.googleusercontent.com/x", True),
    ("https://media.example/x", True),
    ("https://flow-content.google:443/x", True),
    ("http://flow-content.google/x", False),
    ("https://flow-content.google:8443/x", False),
    ("https://flow-content.google.evil.example/x", False),
    ("https://evilgoogleusercontent.com/x", False),
    ("https://googleusercontent.com.evil.example/x", False),
    ("https://user@flow-content.google/x", False),
    ("https://flow-content.google@evil.example/x", False),
    ("https://evil.example\\@flow-content.google/x", False),
    ("https://127.0.0.1/x", False),
    ("https://localhost/x", False),
    ("https://127.1/x", False),
    ("https://2130706433/x", False),
    ("https://0x7f000001/x", False),
    ("https://[::ffff:127.0.0.1]/x", False),
    ("https://169.254.169.254/x", False),
    ("https://①②⑦.⓪.⓪.①/x", False),
    ("file:///etc/passwd", False),
    ("ftp://flow-content.google/x", False),
    ("//flow-content.google/x", False),
    ("https://[::1", False),
    ("https://flow-content.google:99999/", False),
    ("", False),
]


@pytest.mark.parametrize(("url", "passes"), LINKS)
def test_gate(url: str, passes: bool) -> None:
    """Only https, only listed hosts, only port 443, no tricks in the name."""
    try:
        GATE.check(url)
    except LinkRefused:
        assert not passes
    else:
        assert passes


def test_gate_for_a_double_on_this_machine() -> None:
    """Loopback passes only when the API itself is there."""
    for url in ("http://127.0.0.1:8080/x", "http://localhost:1/x", "http://[::1]:8080/x"):
        LOOPBACK.check(url)
        with pytest.raises(LinkRefused):
            GATE.check(url)
    with pytest.raises(LinkRefused):
        LOOPBACK.check("http://10.0.0.1/x")


PUBLIC = "8.8.8.8 2001:4860:4860::8888 64:ff9b::808:808 ::ffff:8.8.8.8"
PRIVATE = (
    "127.0.0.1 10.1.2.3 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1%eth0 fd00::1 ff02::1 "
    "::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::"
)
ADDRESSES = [*((text, True) for text in PUBLIC.split()), *((text, False) for text in PRIVATE.split())]


@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_public_addresses(address: str, public: bool) -> None:
    """Private networks stay private in every spelling."""
    assert public is is_public(address)


def test_every_address_of_a_host_must_be_public(tmp_path: Path) -> None:
    """A listed name that resolves to this machine is refused, and nothing is connected."""

    async def main() -> None:
        downloads = DownloadClient(Gate(("localhost",)))
        with pytest.raises(LinkRefused, match="public"):
            await downloads.download("https://localhost/x", tmp_path / "a", limits=FETCH)
        await downloads.aclose()

    run(main())


def test_no_library_logs_anything(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG httpx prints links and httpcore the token."""

    async def ok(wire: Wire, head: str, body: bytes) -> None:
        await wire.answer()

    async def main() -> None:
        async with serving(ok) as server:
            made = client(server.url)
            await made.exchange("GET", "/accounts?secret=1", limits=QUICK)
            await made.aclose()

    with caplog.at_level(logging.DEBUG):
        run(main())
    assert not [record for record in caplog.records if record.name.startswith("http")]
    assert "CANARY" not in caplog.text
