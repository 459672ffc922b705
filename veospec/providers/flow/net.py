"""The client of the API: it holds the token and speaks to one host.

It shares no state with the client of `downloads`. Neither follows the environment's proxies, keeps cookies,
decompresses, or repeats a request that may cost something. What leaves this module are `http11.Broken` (with the one
bit that decides about money: may a byte have been read?) and plain values.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import ssl
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from veospec import __version__
from veospec.errors import MediaError
from veospec.providers.flow.config import Token
from veospec.providers.flow.http11 import Answer, Broken, Lease, Origin, Patience, Pool

USER_AGENT = f"veospec/{__version__}"
"""The default agent of Python's urllib is refused by the service's edge with an HTML 403.

Source: useapi.net Google Flow API v1 reference, transport; seen August to September 2026.
"""

_PATH = re.compile(r"/[!-~]*\Z")

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


@cache
def tls() -> ssl.SSLContext:
    """Return what trusts the authorities that httpx trusts, and nothing that the environment names."""
    import httpx

    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def asked(
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
        url = urlsplit(base_url)
        is_tls = url.scheme == "https"
        origin = Origin(url.hostname or "", url.port or (443 if is_tls else 80), is_tls)
        self._pool = Pool(origin, tls, connections)
        self._base = url.path.encode().rstrip(b"/")
        self._common = (
            b" HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: application/json\r\n"
            b"Accept-Encoding: identity\r\nAuthorization: Bearer %s\r\n"
        ) % (url.netloc.encode(), USER_AGENT.encode(), token.reveal().encode())

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
        lease, answer = await asked(self._pool, head, body, limits.patience, is_own=is_own, may_repeat=method == "GET")
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
