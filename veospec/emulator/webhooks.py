"""Call back a client that asked for it with `replyUrl`: at created, started, and at the end.

The payload is the job's record. Only loopback addresses are called, whatever a request says: an emulator must not be a
way out of the machine. Source: useapi.net Google Flow API v1 reference, webhooks, June 2026.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
from urllib.parse import urlsplit

from veospec.emulator import replies
from veospec.emulator.replies import Links
from veospec.emulator.state import Job
from veospec.emulator.web import House

_HOSTS = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT_S = 5.0


class Webhooks:
    """Watches for new jobs and tells whoever wants to know."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, known: int, base: str) -> None:
        """Start telling about the jobs made since there were `known` of them."""
        jobs = self._house.state.jobs
        if len(jobs) <= known:
            return
        for job in list(itertools.islice(reversed(jobs.values()), len(jobs) - known)):
            url = job.request.get("replyUrl") or self._house.state.settings.get("replyUrl", "")
            if url and urlsplit(url).hostname in _HOSTS and urlsplit(url).scheme == "http":
                task = asyncio.get_running_loop().create_task(self._tell(job, url, base))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _tell(self, job: Job, url: str, base: str) -> None:
        start = job.created + (job.ends - job.created) * 0.15
        for moment in (job.created, start, job.ends):
            await asyncio.sleep(max(0.0, moment - self._house.state.clock.now()))
            now = max(moment, self._house.state.clock.now())
            links = Links(base, self._house.secret, int(job.ends) + self._house.table.link_life_s)
            body = json.dumps(replies.record(job, self._house.state.media, links, now)).encode()
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
