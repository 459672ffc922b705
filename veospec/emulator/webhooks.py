"""Call back a client that asked for it with `replyUrl`: at created, started, and at the end.

The payload is the job's record. Only loopback addresses are called, whatever a request says: an emulator must not be a
way out of the machine. Source: useapi.net Google Flow API v1 reference, webhooks, June 2026.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from urllib.parse import urlsplit

from veospec.emulator import replies
from veospec.emulator.replies import Links
from veospec.emulator.state import Job, State

_HOSTS = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT_S = 5.0


class Webhooks:
    """Tells whoever wants to know of a job."""

    def __init__(self, state: State, secret: bytes, link_life_s: int) -> None:
        self._state = state
        self._secret = secret
        self._link_life_s = link_life_s
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, job: Job, base: str) -> None:
        """Begin to tell about a new job; `base` is where its links lead."""
        url = str(job.request.get("replyUrl") or self._state.settings.get("replyUrl", ""))
        if url and urlsplit(url).hostname in _HOSTS and urlsplit(url).scheme == "http":
            task = asyncio.get_running_loop().create_task(self._tell(job, url, base))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, job: Job, url: str, base: str) -> None:
        links = Links(base, self._secret, int(job.ends) + self._link_life_s)
        for moment in (job.created, replies.starts(job), job.ends):
            await asyncio.sleep(max(0.0, moment - self._state.clock.now()))
            body = json.dumps(replies.record(job, self._state.media, links, moment)).encode()
            await asyncio.to_thread(_post, url, body)


def _post(url: str, body: bytes) -> None:
    """Send once; nobody repeats a webhook that was missed."""
    parts = urlsplit(url)
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_TIMEOUT_S)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": "application/json", "User-Agent": "useapi.net"})
        connection.getresponse().read()
        connection.close()
    except (OSError, http.client.HTTPException):
        return
