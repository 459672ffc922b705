"""A third double of the API, on raw answers: what a wire, a gateway or another version of the service may do.

It knows text-to-video only. Files come from a second port, as in reality from another host; who sends the token there
is noted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from veospec.media import testclip
from veospec.media.testcard import Card, Hold

EMAIL = "studio.one@example.com"
BASE = "/v1/google-flow"
TOKEN = "user:9-odd0canary"


@dataclass
class Habits:
    """How the service is. `accepts` is what answers a POST whose job was made: `cut` bytes are missing at its end.

    `first` answers the first POST instead: (status, body, headers), with the job made before when `pays`.
    """

    version: str = "HTTP/1.1"
    framing: str = "length"
    hangs_up: bool = False
    job_form: str = "j{n:013}v-u9-email:st***@example.com-bot:google-flow"
    media_form: str = "user:9-email:{owner}-video:{n:08x}-0000-4000-8000-{take:012x}"
    id_name: str = "jobid"
    status: int = 201
    has_response: bool = True
    mark: str = "request"
    words: tuple[str, ...] = ("created", "started")
    place: str = "response"
    says_seed: bool = True
    order: int = 1
    filtered: frozenset[int] = frozenset()
    cut: int = 0
    first: tuple[int, bytes, dict[str, str]] | None = None
    pays: bool = False


@dataclass
class OddService:
    """What it remembers: the requests that made something, by prompt and seed, and its jobs."""

    habits: Habits
    posts: int = 0
    paid: list[tuple[str, int]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    files_port: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.clip = testclip.encode_clip((Hold(Card(3), 192),), 64, 36)

    def accepted(self, body: dict[str, Any]) -> str:
        """Make a job and its results, and charge for what is not filtered."""
        habits, number = self.habits, len(self.jobs) + 1
        job = habits.job_form.format(n=number)
        media = []
        for take in range(body["count"]):
            handle = habits.media_form.format(owner=EMAIL.encode().hex(), n=number, take=take)
            made = {"seed": body["seed"] + take} if habits.says_seed else {}
            entry: dict[str, Any] = {"mediaGenerationId": handle, "video": {"generatedVideo": made}}
            if take in habits.filtered:
                entry["mediaMetadata"] = {"mediaStatus": {"failureReasons": ["PUBLIC_ERROR_AUDIO_FILTERED"]}}
            else:
                entry["videoUrl"] = f"http://127.0.0.1:{self.files_port}/files/{number}-{take}.mp4"
                self.paid.append((body["prompt"], body["seed"] + take))
            media.append(entry)
        self.jobs[job] = {"request": body, "media": media[:: habits.order]}
        return job

    def echo(self, job: str) -> dict[str, Any]:
        """Return what a record repeats of the request, with our mark where the service keeps it."""
        request = dict(self.jobs[job]["request"], email="st***@example.com")
        mark = request.pop("replyRef")
        shown: dict[str, Any] = {"request": request, "created": "2026-06-15T10:00:05.120Z"}
        if self.habits.mark == "request":
            request["replyRef"] = mark
        elif self.habits.mark == "top":
            shown["replyRef"] = mark
        return shown


class Handler(BaseHTTPRequestHandler):
    """Writes every byte of its answers itself; `service` is set by whoever serves."""

    service: OddService

    def log_message(self, *_: object) -> None:
        pass

    def raw(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, cut: int = 0) -> None:
        habits = self.service.habits
        lines = [f"{habits.version} {status} odd", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if habits.framing == "chunked":
            lines.append("transfer-encoding: chunked")
            parts = [content[at : at + 997] for at in range(0, len(content), 997)]
            content = b"".join(b"%X;x=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nX-Trailer: y\r\n\r\n"
        elif habits.framing == "length":
            lines.append(f"CONTENT-LENGTH:{len(content)}")
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
        self.wfile.write(whole[: len(whole) - cut])
        self.close_connection = habits.hangs_up or bool(cut) or habits.framing == "close" or habits.version[-1] == "0"

    def answer(self, status: int, body: Any, *, cut: int = 0) -> None:
        self.raw(status, json.dumps(body).encode(), {"content-type": "application/json"}, cut=cut)

    def do_GET(self) -> None:
        parts, service = urlsplit(self.path), self.service
        if parts.path.startswith("/files/"):
            if "Authorization" in self.headers:
                service.troubles.append("the token went to the host of the files")
            self.raw(200, service.clip, {"content-type": "application/octet-stream"})
            return
        path = parts.path.removeprefix(BASE)
        if path == "/accounts":
            self.answer(200, {EMAIL: {"health": "OK"}})
        elif path.startswith("/accounts/"):
            self.answer(200, {"health": "OK", "credits": {"credits": 500}})
        elif path == "/jobs":
            option = parse_qs(parts.query)["options"][0]
            self.answer(200, {"videos": {option: {job: {"email": "st***@example.com"} for job in service.jobs}}})
        else:
            self.look(path.removeprefix("/jobs/"))

    def look(self, job: str) -> None:
        service, habits = self.service, self.service.habits
        if job not in service.jobs:
            self.answer(404, {"error": "Job not found"})
            return
        looks = service.looks[job] = service.looks.get(job, 0) + 1
        shown = service.echo(job)
        if looks <= len(habits.words):
            self.answer(200, shown | {"status": habits.words[looks - 1]})
            return
        results = {"media": service.jobs[job]["media"]}
        placed = {"response": results} if habits.place == "response" else results
        self.answer(200, {habits.id_name: job, "status": "completed", **shown, **placed})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service, habits = self.service, self.service.habits
        with service.lock:
            service.posts += 1
            is_first = service.posts == 1
            job = service.accepted(body) if habits.pays or habits.first is None or not is_first else ""
        if habits.first is not None and is_first:
            self.raw(*habits.first)
            return
        said = {habits.id_name: job, "status": "created", "request": {}}
        if habits.has_response:
            said["response"] = {"operations": [{"status": "MEDIA_GENERATION_STATUS_PENDING"}]}
        self.answer(habits.status, said, cut=habits.cut if is_first else 0)


@contextmanager
def odd_service(habits: Habits) -> Iterator[tuple[OddService, dict[str, str]]]:
    """Serve on two ports until the block ends; yields the service and the environment that names it."""
    service = OddService(habits)
    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            handler = type("Mine", (Handler,), {"service": service, "protocol_version": habits.version})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            ports.append(server.server_address[1])
        service.files_port = ports[1]
        base = f"http://127.0.0.1:{ports[0]}{BASE}"
        yield service, {"USEAPI_TOKEN": TOKEN, "USEAPI_EMAIL": EMAIL, "USEAPI_BASE_URL": base}
