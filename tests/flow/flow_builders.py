"""Short ways to write nodes, orders and a Flow API double for tests of the Flow provider."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from veospec.errors import MediaError
from veospec.model import Cell, Character, FileSource, Input, Kind, Location, Mode, Node, NodeSource, Request, Source
from veospec.providers.base import Material, Order, Receipt

HERE = Location("shots.yaml", 1, 1)
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
EMAIL = "studio.one@example.com"
OTHER = "studio.two@example.com"
CANARY = "user:777-CANARYcanary42"


def media(kind: str, name: str, email: str = EMAIL) -> str:
    return f"user:777-email:{email.encode().hex()}-{kind}:{name}"


def slot(name: str, source: Source) -> Input:
    return Input(name, source, HERE)


def node(name: str, *inputs: Input, kind: Kind = Kind.CLIP, **changes: Any) -> Node:
    plain = Request(
        model="veo-3.1-fast",
        mode=Mode.T2V,
        prompt="A paper kite.",
        aspect="16:9",
        resolution="720p",
        duration=Fraction(8),
        seed=41,
        inputs=inputs,
    )
    return Node(name, kind, name, Cell(), replace(plain, **changes), 1, 1, name, HERE)


def order(made: Node, *materials: Material, takes: tuple[int, ...] = (1,), seed: int = 41) -> Order:
    return Order(made, takes, tuple(f"{take:064x}" for take in takes), seed, materials)


def picture(path: Path, name: str = "start", source: Source | None = None, receipt: Receipt | None = None) -> Material:
    content = path.read_bytes() if path.exists() else b""
    digest = hashlib.sha256(content).hexdigest()
    kind = "mp4" if content[4:8] == b"ftyp" else "png"
    return Material(slot(name, source or FileSource(path.name)), digest, path, kind, None, receipt)


def upstream(node_id: str, frame: str = "") -> NodeSource:
    return NodeSource(node_id, frame)


def person(*images: FileSource | NodeSource, **changes: Any) -> Character:
    return replace(Character("ada", "Ada", "", images, None), **changes)


class Refs:
    """Remembered handles, in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    def get(self, account: str, name: str) -> str:
        return self.known.get((account, name), "")

    def put(self, account: str, name: str, handle: str) -> None:
        self.known[account, name] = handle

    def forget(self, account: str, name: str) -> None:
        self.known.pop((account, name), None)


def sniff(path: Path) -> str:
    """Stand in for the whole-file check: a clip must end in its own last word."""
    content = path.read_bytes()
    if content[4:8] == b"ftyp" and content.endswith(b"END"):
        return "mp4"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    raise MediaError("not a whole file")


CLIP = b"\0\0\0\x18ftypisom" + bytes(5000) + b"END"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Wire:
    """What one connection of the raw server can do."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self, body: bytes = b"{}", status: str = "200 OK", head: str = "") -> None:
        await self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body)

    def reset(self) -> None:
        self.writer.transport.abort()


Handler = Callable[[Wire, str, bytes], Awaitable[bool | None]]
"""Gets the request head and body; a true answer keeps the connection open."""


class RawServer:
    """A TCP server that answers what its handler says, and remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        return [head.split(" HTTP/")[0] for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
                self.heads.append(head)
                self.bodies.append(body)
                if not await self.handler(Wire(reader, writer), head, body):
                    return
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


@asynccontextmanager
async def serving(handler: Handler):  # type: ignore[no-untyped-def]
    raw = RawServer(handler)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, limit=1 << 20)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        await asyncio.sleep(0)
