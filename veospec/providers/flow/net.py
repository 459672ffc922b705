"""The only module that talks to the network, and the only importer of httpx.

Two clients that share no state. The API client holds the token and speaks to one host; the download client (httpx
over our connections, because its addresses come from strangers) has no token and goes to checked hosts at checked
addresses. Neither follows the environment's proxies, keeps
cookies, decompresses, or repeats a request that may cost something. What leaves this module are `http11.Broken`
(with the one bit that decides about money: may a byte have been read?) and plain values.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import ssl
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from socket import SOCK_STREAM
from time import monotonic
from urllib.parse import urljoin

import httpx
from msgspec import Struct

from veospec import __version__
from veospec.errors import MediaError
from veospec.providers.flow.config import Token, is_loopback
from veospec.providers.flow.http11 import Answer, Broken, Lease, Origin, Patience, Pool
from veospec.providers.flow.links import Gate, LinkRefused, is_public

USER_AGENT = f"veospec/{__version__}"
"""The default agent of Python's urllib is refused by the service's edge with an HTML 403.

Source: useapi.net Google Flow API v1 reference, transport; seen August to September 2026.
"""

_PATH = re.compile(r"/[!-~]*\Z")

MAX_REDIRECTS = 3
MIN_BYTES_PER_WINDOW = 30 * 1024
WINDOW_S = 30.0

for _name in ("httpx", "httpcore"):
    # At INFO they print signed links, at DEBUG the token.
    logging.getLogger(_name).disabled = True


class Limits(Struct, frozen=True):
    """Seconds and bytes of one exchange; `total_s` ends it however lively it is."""

    read_s: float = 60.0
    total_s: float = 90.0
    max_bytes: int = 4 * 1024 * 1024
    write_s: float = 60.0
    connect_s: float = 15.0

    @property
    def patience(self) -> Patience:
        """The phases, as the connection wants them."""
        return Patience(self.connect_s, self.write_s, self.read_s)


class Reply(Struct, frozen=True):
    """A whole answer. The body is not printed: an account's record holds cookies and a token of Google."""

    status: int
    retry_after: str
    body: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"


class Upload(Struct, frozen=True):
    """A file that is sent as it lies on disk. Raises `MediaError` on the way when its bytes are not the named ones."""

    path: Path
    size_bytes: int
    digest: str
    content_type: str


class Downloaded(Struct, frozen=True):
    """What came down: the digest of the bytes on disk, their number, and the first of them."""

    digest: str
    size_bytes: int
    head: bytes


class LinkDead(Exception):
    """A link that the host no longer answers with a file; `status` is what it said."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the link is dead ({status})")
        self.status = status


@cache
def _tls() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _asked(
    pool: Pool,
    head: bytes,
    body: bytes | AsyncIterator[bytes],
    patience: Patience,
    *,
    is_own: bool = False,
    may_repeat: bool = True,
) -> tuple[Lease, Answer]:
    """Send a request and return the head of its answer on a borrowed connection.

    Only what changes nothing `may_repeat`: once, when a kept connection turns out to have been closed meanwhile.
    """
    lease = await pool.borrow(patience, is_own=is_own)
    try:
        try:
            return lease, await lease.connection.send(head, body, patience)
        except Broken as broken:
            if not (may_repeat and broken.dropped and lease.was_used):
                raise
        lease.release(is_whole=False)
        lease = await pool.borrow(patience, is_new=True)
        return lease, await lease.connection.send(head, body, patience)
    except BaseException:
        lease.release(is_whole=False)
        raise


class ApiClient:
    """Speaks to the API's host and to no other. `connections` bounds the free calls that run at once.

    It writes its requests itself: they are few and plain, and with thousands of polls httpx's models would cost
    three times what the rest of a request does.
    """

    def __init__(self, base_url: str, token: Token, *, connections: int = 24) -> None:
        url = httpx.URL(base_url)
        origin = Origin(url.host, url.port or (443 if url.scheme == "https" else 80), url.scheme == "https")
        self._pool = Pool(origin, _tls, connections)
        self._base = url.raw_path.rstrip(b"/")
        self._common = (
            b" HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: application/json\r\n"
            b"Accept-Encoding: identity\r\nAuthorization: Bearer %s\r\n"
        ) % (url.netloc, USER_AGENT.encode(), token.reveal().encode())

    async def exchange(
        self, method: str, path: str, *, limits: Limits, content: bytes | Upload = b"", is_own: bool = False
    ) -> Reply:
        """Send one request and return the whole answer, whatever its status.

        `is_own` gives it a connection of its own that carries nothing else. A body of bytes is JSON.
        Raises: `Broken`, and `MediaError` for an upload whose file has changed.
        """
        if not _PATH.match(path):
            raise Broken("the request would leave the API", sent=False)
        head = b"%s %s%s%s%s\r\n" % (
            method.encode(),
            self._base,
            path.encode(),
            self._common,
            _content_headers(content),
        )
        try:
            async with asyncio.timeout(limits.total_s):
                return await self._exchange(method, head, content, limits, is_own=is_own)
        except TimeoutError:
            raise Broken("no whole answer in time", sent=True) from None

    async def _exchange(
        self, method: str, head: bytes, content: bytes | Upload, limits: Limits, *, is_own: bool
    ) -> Reply:
        body = _file_parts(content) if isinstance(content, Upload) else content
        lease, answer = await _asked(self._pool, head, body, limits.patience, is_own=is_own, may_repeat=method == "GET")
        is_whole = False
        try:
            if answer.header(b"content-encoding") not in ("", "identity"):
                raise Broken("the answer is compressed although nobody asked", sent=True)
            received = await lease.connection.whole(answer, limits.max_bytes)
            is_whole = True
        finally:
            lease.release(is_whole=is_whole)
        return Reply(answer.status, answer.header(b"retry-after")[:64], received)

    async def aclose(self) -> None:
        """Close every connection."""
        self._pool.close()


def _content_headers(content: bytes | Upload) -> bytes:
    if isinstance(content, Upload):
        return b"Content-Type: %s\r\nContent-Length: %d\r\n" % (content.content_type.encode(), content.size_bytes)
    return b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(content) if content else b""


async def _file_parts(upload: Upload) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    size = 0
    with upload.path.open("rb") as file:
        while part := file.read(256 * 1024):
            size += len(part)
            digest.update(part)
            if size > upload.size_bytes:
                break
            yield part
    if size != upload.size_bytes or digest.hexdigest() != upload.digest:
        raise MediaError(f"{upload.path.name} changed while it was being sent", "run apply again")


# -- downloads --------------------------------------------------------------------------------------------


class _Body(httpx.AsyncByteStream):
    def __init__(self, lease: Lease, answer: Answer, patience: Patience) -> None:
        self._lease = lease
        self._answer = answer
        self._patience = patience

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._lease.connection.body(self._answer, self._patience):
            yield part
        self._lease.release(is_whole=True)

    async def aclose(self) -> None:
        self._lease.release(is_whole=False)


class _CheckedWire(httpx.AsyncBaseTransport):
    """Carries a download over connections to the `origin` that was checked for it: name, port and addresses."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pools: dict[Origin, Pool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin, patience = request.extensions["origin"], request.extensions["patience"]
        lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%s: %s" % header for header in request.headers.raw]
        if origin not in self._pools:
            self._pools[origin] = Pool(origin, _tls, self._size)
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        lease, answer = await _asked(self._pools[origin], head, b"", patience)
        headers = [(name, value) for name, value in answer.headers if name != b"set-cookie"]
        return httpx.Response(answer.status, headers=headers, stream=_Body(lease, answer, patience))

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()


class DownloadClient:
    """Fetches results: without a token, from hosts that pass the gate, at addresses that were checked."""

    def __init__(self, gate: Gate, *, at_once: int = 8) -> None:
        self._gate = gate
        self._slots = asyncio.Semaphore(at_once)
        self._client = httpx.AsyncClient(
            transport=_CheckedWire(at_once),
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    async def download(self, url: str, target: Path, *, limits: Limits) -> Downloaded:
        """Stream a link into `target`, which is written as `*.part` and renamed when it is whole.

        Whole means: as long as announced, or ended by the server where nothing was announced; whether it is a clip
        is for the caller to check. A broken download is removed.
        Raises: `LinkRefused`, `LinkDead`, `Broken`, `MediaError` for a disk that cannot take it.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(limits.total_s):
                    return await self._follow(url, target, limits)
            except TimeoutError:
                raise Broken("the download took too long", sent=True) from None
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict) as error:
                raise Broken(f"the download failed ({type(error).__name__})", sent=True) from None

    async def _follow(self, url: str, target: Path, limits: Limits) -> Downloaded:
        for _ in range(MAX_REDIRECTS + 1):
            origin = await self._checked(url)
            request = self._client.build_request("GET", url, extensions={"origin": origin, "patience": limits.patience})
            if request.url.host.rstrip(".") != origin.host or request.url.userinfo:
                raise LinkRefused("the link can be read in two ways")
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code not in (301, 302, 303, 307, 308):
                    return await _save(response, target, limits.max_bytes)
                url = urljoin(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise LinkRefused("the link is redirected too often")

    async def _checked(self, url: str) -> Origin:
        host, port, is_tls = self._gate.check(url)
        if self._gate.allows_loopback and is_loopback(host):
            return Origin(host, port, is_tls)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Broken("the host name has no address", sent=False) from None
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(is_public(address) for address in addresses):
            raise LinkRefused("the service sent a link whose host is not on the public internet")
        return Origin(host, port, is_tls, addresses)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def _save(response: httpx.Response, target: Path, max_bytes: int) -> Downloaded:
    if response.status_code != 200:
        raise LinkDead(response.status_code)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Broken("the file came compressed", sent=True)
    if int(response.headers.get("content-length", "0")) > max_bytes:
        raise _too_large(max_bytes)
    part = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    size, head, pace = 0, b"", _Pace()
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > max_bytes:
                    raise MediaError(
                        f"the file is larger than {max_bytes} bytes", "raise the limit if you expected that"
                    )
                pace.check(size)
                digest.update(piece)
                file.write(piece)
                head = head or piece[:64]
        if not size:
            raise Broken("the file is empty", sent=True)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MediaError(
            f"the file cannot be written ({error.strerror})", "free some space and run apply again"
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Downloaded(digest.hexdigest(), size, head)


def _too_large(max_bytes: int) -> MediaError:
    return MediaError(f"the file is larger than {max_bytes} bytes", "raise the limit if you expected that")


class _Pace:
    """Ends a download that drips: less than a floor in each window of time."""

    def __init__(self) -> None:
        self._until = monotonic() + WINDOW_S
        self._floor = MIN_BYTES_PER_WINDOW

    def check(self, size: int) -> None:
        now = monotonic()
        if now >= self._until:
            if size < self._floor:
                raise Broken("the download is too slow", sent=True)
            self._until, self._floor = now + WINDOW_S, size + MIN_BYTES_PER_WINDOW
