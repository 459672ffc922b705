"""The client of downloads: httpx over our own connections, because its addresses come from strangers.

It has no token and goes to checked hosts at checked addresses. What leaves this module are `Broken`, `LinkDead`,
`LinkRefused`, `MediaError` and plain values.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from socket import SOCK_STREAM
from time import monotonic
from urllib.parse import urljoin

import httpx
from msgspec import Struct

from veospec.errors import MediaError
from veospec.providers.flow.config import is_loopback
from veospec.providers.flow.http11 import Answer, Broken, Lease, Origin, Patience, Pool
from veospec.providers.flow.links import Gate, LinkDead, LinkRefused, is_public
from veospec.providers.flow.net import USER_AGENT, Limits, asked, tls

MAX_REDIRECTS = 3
MIN_BYTES_PER_WINDOW = 30 * 1024
WINDOW_S = 30.0


class Downloaded(Struct, frozen=True):
    """What came down: the digest of the bytes on disk, their number, and the first of them."""

    digest: str
    size_bytes: int
    head: bytes


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
            self._pools[origin] = Pool(origin, tls, self._size)
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        lease, answer = await asked(self._pools[origin], head, b"", patience)
        headers = [(name, value) for name, value in answer.headers if name != b"set-cookie"]
        length = {"length": answer.length or 0}
        return httpx.Response(answer.status, headers=headers, stream=_Body(lease, answer, patience), extensions=length)

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
        host, port, istls = self._gate.check(url)
        if self._gate.allows_loopback and is_loopback(host):
            return Origin(host, port, istls)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Broken("the host name has no address", sent=False) from None
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(is_public(address) for address in addresses):
            raise LinkRefused("the service sent a link whose host is not on the public internet")
        return Origin(host, port, istls, addresses)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def _save(response: httpx.Response, target: Path, max_bytes: int) -> Downloaded:
    if response.status_code != 200:
        raise LinkDead(response.status_code)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Broken("the file came compressed", sent=True)
    if response.extensions["length"] > max_bytes:
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
