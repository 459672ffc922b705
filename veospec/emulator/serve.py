"""Start the emulator: as a program, inside another one, or beside a test.

Server and tests share this: `app` is the application, `serve` runs it until it is told to stop, `running` runs it in a
thread for as long as a `with` block lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

import uvicorn
from msgspec import Struct
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from veospec.emulator.options import DEFAULT_TOKEN, Options
from veospec.emulator.routes import BASE
from veospec.emulator.server import Server
from veospec.emulator.troubles import TRANSPORT
from veospec.emulator.web import House
from veospec.errors import UsageError

Json: TypeAlias = Any

START_LIMIT_S = 20.0


class Address(Struct, frozen=True):
    """Where a running emulator is, and what a client needs."""

    host: str
    port: int
    token: str
    emails: tuple[str, ...]

    @property
    def root(self) -> str:
        """`http://127.0.0.1:4711`: the emulator's own calls are under `/_emulator/` of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What `USEAPI_BASE_URL` is set to."""
        return self.root + BASE

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a client reads."""
        return {
            "USEAPI_TOKEN": self.token,
            "USEAPI_EMAIL": ",".join(self.emails),
            "USEAPI_BASE_URL": self.base_url,
        }

    @property
    def export_line(self) -> str:
        """The one line that `veospec emulator` prints: a shell takes it as it is."""
        return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in self.environment.items())


def app(house: House, begun: Callable[[], None] = lambda: None) -> Starlette:
    """Return the application of a house, which it lets go at shutdown; `begun` is called when it takes requests."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        begun()
        yield
        house.close()

    return Starlette(routes=[Mount("/", app=Server(house))], lifespan=lifespan)


class _Protocol(HttpToolsProtocol):
    """Lets the application reach the socket, for answers that HTTP does not allow."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


def _with_transport(application: Any, transport: asyncio.Transport) -> ASGIApp:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[TRANSPORT] = transport
        await application(scope, receive, send)

    return call


def _bound(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without, every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise UsageError(f"the emulator cannot use port {options.port}: {error.strerror}", "use --port 0") from error
    listener.listen(1024)
    return listener


def _server(application: Starlette) -> uvicorn.Server:
    config = uvicorn.Config(
        application,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
    )
    return uvicorn.Server(config)


def _address(options: Options, house: House, listener: socket.socket) -> Address:
    emails = tuple(account.email for account in house.desk.connected())
    return Address(options.host, listener.getsockname()[1], options.token or DEFAULT_TOKEN, emails)


def _print_address(address: Address) -> None:
    sys.stdout.write(address.export_line + "\n")
    sys.stdout.flush()


def serve(options: Options, announce: Callable[[Address], None] = _print_address) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the address as soon as requests are taken.

    Raises:
        UsageError: the port or the state folder is in use.
    """
    with contextlib.closing(_bound(options)) as listener:
        house = House(options)
        address = _address(options, house, listener)
        _server(app(house, lambda: announce(address))).run(sockets=[listener])


@contextlib.contextmanager
def running(options: Options | None = None) -> Iterator[Address]:
    """Serve in a thread of this process on a free port until the block ends."""
    chosen = replace(options or Options(), port=options.port if options else 0)
    with contextlib.closing(_bound(chosen)) as listener:
        house = House(chosen)
        server = _server(app(house))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="emulator", daemon=True)
        thread.start()
        try:
            if not _started(server, thread):
                raise UsageError("the emulator did not start")
            yield _address(chosen, house, listener)
        finally:
            server.should_exit = True
            thread.join(START_LIMIT_S)


def _started(server: uvicorn.Server, thread: threading.Thread) -> bool:
    waited = threading.Event()
    for _ in range(int(START_LIMIT_S / 0.005)):
        if server.started:
            return True
        if not thread.is_alive():
            return False
        waited.wait(0.005)
    return False
