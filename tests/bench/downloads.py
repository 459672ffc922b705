"""Download files with their digest on the way to disk, and print what it took, as JSON.

A program of its own: `downloads.py (ours|bare) FOLDER COUNT MB`. The files come from a server in a second process that
does nothing but send. `bare` is an asyncio protocol that hashes and writes what comes, and checks nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

AT_ONCE = 4
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n"


def serve(megabytes: int, tell: Connection) -> None:
    """Answer every request with the same bytes."""
    content = os.urandom(1 << 20)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _asked(reader):
            writer.write(_HEAD % (megabytes << 20))
            for _ in range(megabytes):
                writer.write(content)
                await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def _asked(reader: asyncio.StreamReader) -> bool:
    try:
        await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    return True


@contextmanager
def server(megabytes: int) -> Iterator[int]:
    """Serve in another process; yields the port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(megabytes, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class Bare(asyncio.Protocol):
    """One connection that fetches one file after the other."""

    def __init__(self, names: Iterator[Path]) -> None:
        self._names = names
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        path = next(self._names, None)
        if path is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._path, self._head, self._left = path, b"", -1
        self._digest, self._file = hashlib.sha256(), path.with_suffix(".part").open("wb", buffering=0)
        self._transport.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            head, _, data = data.partition(b"\r\n\r\n")
            self._left = int(head.rpartition(b": ")[2])
        self._digest.update(data)
        self._file.write(data)
        self._left -= len(data)
        if not self._left:
            self._file.close()
            self._path.with_suffix(".part").rename(self._path)
            self._digest.hexdigest()
            self._next()


async def bare(port: int, paths: list[Path]) -> None:
    """Fetch with nothing but asyncio."""
    names, loop = iter(paths), asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Bare(names), "127.0.0.1", port) for _ in range(AT_ONCE)]
    await asyncio.gather(*(protocol.done for _, protocol in made))


async def ours(port: int, paths: list[Path]) -> None:
    """Fetch as a run does: a checked link, a checked length, a file that appears whole."""
    from veospec.providers.flow.downloads import DownloadClient
    from veospec.providers.flow.links import Gate
    from veospec.providers.flow.net import Limits

    client = DownloadClient(Gate((), allows_loopback=True), at_once=AT_ONCE)
    names = iter(paths)

    async def one() -> None:
        for path in names:
            await client.download(f"http://127.0.0.1:{port}/file.mp4", path, limits=Limits(max_bytes=1 << 30))

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    await client.aclose()


def main() -> None:
    """Measure one way once, after one file that does not count."""
    how, folder, count, megabytes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    way = ours if how == "ours" else bare
    with server(megabytes) as port:
        asyncio.run(way(port, [folder / "warm.mp4"]))
        paths = [folder / f"{number}.mp4" for number in range(count)]
        used, began = time.process_time(), time.perf_counter()
        asyncio.run(way(port, paths))
        wall, cpu = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"mb_per_s": count * megabytes / wall, "cpu_ms_per_mb": cpu * 1000 / (count * megabytes), "mb": peak}
        )
    )


if __name__ == "__main__":
    main()
