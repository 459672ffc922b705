"""Another double of the Google Flow API, independent of the emulator: legal answers in their least convenient shapes.

Source: useapi.net Google Flow API v1 reference, June and November 2026: optional fields are left out, unknown ones
added, ids nested, e-mails masked, files come by every way that is described.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from veospec.media import testcard, testclip
from veospec.media.testcard import Card, Hold

EMAIL = "studio.one@example.com"
BASE = "/v1/google-flow"
OWNER = f"user:9-email:{EMAIL.encode().hex()}"


class Stub:
    """What the double remembers."""

    def __init__(self) -> None:
        self.port = 0
        self.paid: list[tuple[str, dict[str, Any]]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.troubles: list[str] = []
        self.clip = testclip.encode_clip((Hold(Card(3), 192),), 64, 36)
        self.picture = testcard.draw_still(Card(4), 64, 36, type="png")

    def link(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/files/{name}?Expires=4102444800&x=%2F"

    def job(self, path: str, body: dict[str, Any]) -> str:
        self.paid.append((path, body))
        number = len(self.paid)
        job = f"j{number:013}v-u9-email:st***@example.com-bot:google-flow"
        media = f"{OWNER}-video:{number:08x}-0000-4000-8000-000000000000"
        if path == "/videos/upscale":
            video = {"fifeUrl": self.link(f"{number}.mp4"), "mediaGenerationId": f"{media}_upsampled"}
            response: dict[str, Any] = {"operations": [{"operation": {"metadata": {"video": video}}, "extra": None}]}
        else:
            entries = [{"mediaGenerationId": {"mediaGenerationId": media}, "videoUrl": self.link(f"{number}.mp4")}]
            response = {"media": entries, "captcha": {}, "operations": []}
        self.jobs[job] = {"jobid": job, "response": response, "newField": [1, None]}
        return job


class Handler(BaseHTTPRequestHandler):
    """Answers; `stub` is set by whoever serves."""

    protocol_version = "HTTP/1.1"
    stub: Stub

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def file(self, content: bytes) -> None:
        if "Authorization" in self.headers:
            self.stub.troubles.append("the token went to the host of the files")
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def do_GET(self) -> None:
        path = self.path.removeprefix(BASE)
        if path.startswith("/files/"):
            self.file(self.stub.clip if ".mp4" in path else self.stub.picture)
        elif path == "/accounts":
            masked = {"health": "OK", "created": "2026-05-02T08:11:40.000Z", "surprise": {"a": 1}}
            self.answer(200, {"st***@example.com": masked})
        elif path.startswith("/accounts/"):
            self.answer(200, {"health": "OK"})
        elif path.startswith("/jobs/"):
            self.look(path.removeprefix("/jobs/"))
        else:
            self.answer(404, {"error": "Endpoint not found", "hint": {"llm_docs": "x"}})

    def look(self, job: str) -> None:
        looks = self.stub.looks[job] = self.stub.looks.get(job, 0) + 1
        if job not in self.stub.jobs:
            self.answer(400, {"error": "Invalid job ID format"})
        elif looks == 1:
            self.answer(404, {"error": "Job not found"})
        elif looks < 4:
            self.answer(200, {"jobid": job, "status": "brand-new-word"})
        else:
            self.answer(200, {**self.stub.jobs[job], "status": "completed"})

    def do_POST(self) -> None:
        path = self.path.removeprefix(BASE)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if path.startswith("/assets/"):
            kind = "video" if self.headers["Content-Type"] == "video/mp4" else "image"
            media = f"{OWNER}-{kind}:{len(content):08x}-1111-4000-8000-000000000000"
            if unquote(path.removeprefix("/assets/")) != EMAIL:
                self.stub.troubles.append(path)
            self.answer(200, {"mediaGenerationId": {"mediaGenerationId": media}})
            return
        body = json.loads(content)
        if None in body.values():
            self.stub.troubles.append(f"{path}: null")
        if path == "/images":
            self.stub.paid.append((path, body))
            media = f"{OWNER}-image:{len(self.stub.paid):08x}-2222-4000-8000-000000000000"
            picture = {"image": {"generatedImage": {"mediaGenerationId": media}},
                       "encodedImage": base64.b64encode(self.stub.picture).decode()}  # fmt: skip
            self.answer(200, {"media": [picture]})
        elif path == "/characters":
            self.answer(200, {"character": f"{OWNER}-character:33333333-0000-4000-8000-000000000000-imgs:1"})
        elif path == "/videos/extend":
            self.answer(201, {"jobId": self.stub.job(path, body), "status": "created", "response": {"captcha": {}}})
        else:
            self.answer(201, {"jobid": self.stub.job(path, body)})


@contextmanager
def stub_running() -> Iterator[tuple[Stub, dict[str, str]]]:
    """Serve until the block ends; yields the double and the environment that names it."""
    stub = Stub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Handler,), {"stub": stub}))
    server.daemon_threads = True
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{stub.port}{BASE}"
        yield stub, {"USEAPI_TOKEN": "user:9-stub", "USEAPI_EMAIL": EMAIL, "USEAPI_BASE_URL": base}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
