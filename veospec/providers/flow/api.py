"""Calls of the API with their limits, answers parsed and failures explained; no knowledge of nodes or files.

Every paying call goes out once on a connection of its own. Whatever happens after its first byte and is not a
proven rejection becomes `SubmissionUnknown`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from veospec.errors import ApiError, Charge, SubmissionUnknown, Unreachable
from veospec.providers.base import Json
from veospec.providers.flow import ids, readers, wire
from veospec.providers.flow.config import Token
from veospec.providers.flow.fault_table import Kind
from veospec.providers.flow.faults import Failure, explain
from veospec.providers.flow.http11 import Broken
from veospec.providers.flow.net import ApiClient, Limits, Reply, Upload

_MIB = 1024 * 1024

READ = Limits(read_s=60, total_s=90)
JOB = Limits(read_s=60, total_s=120, max_bytes=64 * _MIB)
LOG = Limits(read_s=60, total_s=120, max_bytes=32 * _MIB)
UPLOAD = Limits(read_s=320, total_s=900, write_s=600)

POSTS: Mapping[str, Limits] = {
    wire.VIDEOS: Limits(read_s=180, total_s=210, max_bytes=16 * _MIB),
    wire.EXTEND: Limits(read_s=180, total_s=210, max_bytes=16 * _MIB),
    wire.UPSCALE: Limits(read_s=180, total_s=300, max_bytes=256 * _MIB),
    wire.IMAGES: Limits(read_s=300, total_s=360, max_bytes=128 * _MIB),
    wire.IMAGES_UPSCALE: Limits(read_s=300, total_s=360, max_bytes=96 * _MIB),
    wire.CONCATENATE: Limits(read_s=240, total_s=360, max_bytes=256 * _MIB),
    wire.GIF: Limits(read_s=150, total_s=210, max_bytes=64 * _MIB),
    wire.VOICES: Limits(read_s=180, total_s=210),
    wire.CHARACTERS: Limits(read_s=120, total_s=150),
}
"""How long a call may take and how much it may answer; the last five carry files as base64 in JSON.

Source: useapi.net Google Flow API v1 reference, measured times, May to September 2026. Waiting longer for a
paying call is cheaper than not knowing how it ended.
"""

_OK = frozenset({200, 201, 202})
_RETRY_S = 5.0


class FlowApi:
    """The API as functions of documents. `now` is only used to turn the service's instants into waits."""

    def __init__(self, client: ApiClient, token: Token, now: Callable[[], datetime]) -> None:
        self._client = client
        self._token = token
        self._now = now

    async def get(self, path: str, *, kind: Kind = Kind.READ, limits: Limits = READ, email: str = "") -> Json:
        """Return the document of a free call."""
        reply = await self._exchange("GET", path, kind, limits)
        return self._document(reply, kind, path, email)

    async def make(self, call: wire.Call, *, email: str = "") -> Json:
        """Return the document of a free POST: voice, character, gif, join. A lost answer may be asked for again."""
        content = json.dumps(call.body, ensure_ascii=False).encode()
        reply = await self._exchange("POST", call.path, Kind.MAKE, POSTS[call.path], content)
        return self._document(reply, Kind.MAKE, call.path, email)

    async def upload(self, email: str, upload: Upload) -> Json:
        """Store a file in one account and return the answer."""
        reply = await self._exchange("POST", ids.upload_path(email), Kind.UPLOAD, UPLOAD, upload)
        return self._document(reply, Kind.UPLOAD, "/assets", email)

    async def submit(self, path: str, body: Mapping[str, Json], *, email: str) -> tuple[Json, bytes]:
        """Send a paying request once and return its document, or the file that a cached upscale may answer with."""
        content = json.dumps(body, ensure_ascii=False).encode()
        reply = await self._exchange("POST", path, Kind.SUBMIT, POSTS[path], content)
        if reply.status == 200 and reply.body[4:8] == b"ftyp":
            return {}, reply.body
        return self._document(reply, Kind.SUBMIT, path, email), b""

    async def _exchange(
        self, method: str, path: str, kind: Kind, limits: Limits, content: bytes | Upload = b""
    ) -> Reply:
        try:
            # Long calls stand aside of the gate that the short ones share.
            return await self._client.exchange(
                method, path, limits=limits, content=content, is_own=kind not in (Kind.READ, Kind.POLL)
            )
        except Broken as broken:
            raise _lost(broken, kind, _shown(path)) from broken

    def _document(self, reply: Reply, kind: Kind, path: str, email: str) -> Json:
        try:
            document = readers.parse(reply.body)
        except readers.NotJsonError:
            document = None
        if reply.status in _OK and isinstance(document, Mapping):
            return document
        page = readers.text(reply.body[:200].decode("utf-8", "replace"), 80) if document is None else ""
        failure = Failure(kind, _shown(path), reply.status, document, reply.retry_after, page)
        is_picture = path in (wire.IMAGES, wire.IMAGES_UPSCALE)
        raise explain(failure, now=self._now(), email=email, redact=self._token.redact, is_picture=is_picture)


def _shown(path: str) -> str:
    """Shorten a path for messages: ids and e-mails are left out."""
    parts = path.partition("?")[0].split("/")
    return "".join(f"/{part if part.replace('-', '').isalpha() else '...'}" for part in parts if part)


def _lost(broken: Broken, kind: Kind, path: str) -> ApiError:
    if kind is Kind.SUBMIT and broken.sent:
        return SubmissionUnknown(
            f"{path}: {broken.why}; a paid job may have been started",
            "nothing was sent again; run apply again to look for the job, or end it with `veospec resolve`",
            operation=path,
            charge=Charge.UNKNOWN,
            reason="ANSWER_LOST",
        )
    return Unreachable(
        f"{path}: the service could not be asked: {broken.why}",
        "check the network, then run the same command again",
        operation=path,
        retry_after_s=_RETRY_S,
        reason="UNREACHABLE",
    )
