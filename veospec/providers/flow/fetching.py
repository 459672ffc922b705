"""Bring a finished result to disk: at once, whole, checked, and from a fresh link when the old one has died.

Links live hours, job records days, assets longer. So a dead link is renewed through the job's record and then
through the asset; only when both have nothing is a paid result called gone.

Source: useapi.net Google Flow API v1 reference, links (24 hours in June 2026, about 6 by November) and
`GET /assets/{id}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from veospec.errors import ApiError, Charge, JobError, MediaError, Rejected, Scope, Unreachable
from veospec.providers.base import Fetched, Receipt, Result
from veospec.providers.flow import ids, replies
from veospec.providers.flow.api import JOB, FlowApi
from veospec.providers.flow.fault_table import Kind
from veospec.providers.flow.http11 import Broken
from veospec.providers.flow.links import LinkDead, LinkRefused
from veospec.providers.flow.net import Limits

if TYPE_CHECKING:
    from veospec.providers.flow.downloads import DownloadClient

FileCheck: TypeAlias = Callable[[Path], str]
"""Tells what a file is (`mp4`, `jpeg`, `png`, `webp`, `gif`) after looking whether it is whole; else `MediaError`."""

TRIES = 3
"""The run repeats a fetch on its own as well, after longer pauses."""
_DEAD = frozenset({400, 401, 403, 404, 410})


class Fetcher:
    """Downloads with repeats. `sleep` waits between them; `downloads` gives the client when it is first needed."""

    def __init__(
        self,
        api: FlowApi,
        downloads: Callable[[], DownloadClient],
        check: FileCheck,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
        max_bytes: int,
    ) -> None:
        self._api = api
        self._downloads = downloads
        self._check = check
        self._now = now
        self._sleep = sleep
        self._limits = Limits(read_s=60, total_s=1800, max_bytes=max_bytes)

    async def fetch(self, result: Result, target: Path) -> Fetched:
        """Write the result to `target`. Raises `ApiError`, or `MediaError` when what comes is no whole file."""
        if result.content is not None:
            return self._written(result.content, target)
        url, tried = result.url, set[str]()
        if result.expires_at is not None and result.expires_at <= self._now():
            url = await self._renewed(result, {url}) or url
        trouble: ApiError | MediaError | None = None
        for turn in range(TRIES):
            if turn:
                await self._sleep(2.0 ** (turn - 1))
            try:
                return await self._once(url, target)
            except LinkRefused as refused:
                raise _refused(str(refused)) from refused
            except LinkDead as dead:
                trouble = _unreachable(f"the host of the file answered {dead.status}")
                if dead.status in _DEAD:
                    tried.add(url)
                    url = await self._renewed(result, tried)
                    if not url:
                        raise _gone(dead.status) from dead
            except Broken as broken:
                trouble = _unreachable(broken.why)
            except _NotWhole as broken:
                trouble = broken.error
        assert trouble is not None
        raise trouble

    async def _once(self, url: str, target: Path) -> Fetched:
        got = await self._downloads().download(url, target, limits=self._limits)
        return Fetched(got.digest, got.size_bytes, self._checked(target))

    def _written(self, content: bytes, target: Path) -> Fetched:
        part = target.with_name(target.name + ".part")
        try:
            part.write_bytes(content)
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise MediaError(f"the file cannot be written ({error.strerror})", "make room, run apply again") from error
        try:
            kind = self._checked(target)
        except _NotWhole as broken:
            raise broken.error from None
        return Fetched(hashlib.sha256(content).hexdigest(), len(content), kind)

    def _checked(self, target: Path) -> str:
        try:
            return self._check(target)
        except MediaError as error:
            target.unlink(missing_ok=True)
            raise _NotWhole(error) from error

    async def _renewed(self, result: Result, tried: set[str]) -> str:
        """Return a link, if possible one that was not tried; nothing when neither the job nor the asset has any."""
        found: list[str] = []
        for ask in (self._job_links, self._asset_links):
            found += await ask(result)
            fresh = next((link for link in found if link not in tried), "")
            if fresh:
                return fresh
        # A link that is still handed out is not gone, even if it does not answer now.
        return found[0] if found else ""

    async def _job_links(self, result: Result) -> list[str]:
        receipt = result.receipt
        if not ids.is_job_id(receipt.job_id):
            return []
        try:
            record = await self._api.get(ids.job_path(receipt.job_id), kind=Kind.POLL, limits=JOB)
        except (JobError, Rejected) as error:
            if error.scope is Scope.RUN:
                raise
            return []
        return _links_of(receipt, [entry for entry in replies.results(record) if entry.url])

    async def _asset_links(self, result: Result) -> list[str]:
        media_id = result.receipt.media_id
        if not ids.is_media_id(media_id):
            return []
        try:
            link = replies.fresh_link(await self._api.get(ids.asset_path(media_id)))
        except (JobError, Rejected) as error:
            if error.scope is Scope.RUN:
                raise
            return []
        return [link] if link else []


def _links_of(wanted: Receipt, entries: Sequence[Result]) -> list[str]:
    """Return the links of one take of a job: by its handle, else by its seed, else that of the only entry.

    Another take under this one's name would be a clip lost, so in doubt there is none.
    """
    by_handle = [e.url for e in entries if wanted.media_id and e.receipt.media_id == wanted.media_id]
    if by_handle:
        return by_handle
    others = [e for e in entries if not (wanted.media_id and e.receipt.media_id)]
    by_seed = [e.url for e in others if wanted.seed is not None and e.receipt.seed == wanted.seed]
    may_be_any = len(entries) == 1 and any(wanted.seed is None or e.receipt.seed is None for e in others)
    return by_seed if len(by_seed) == 1 else [entries[0].url] if may_be_any and not by_seed else []


class _NotWhole(Exception):
    def __init__(self, error: MediaError) -> None:
        super().__init__(error.message)
        self.error = error


def _refused(why: str) -> Rejected:
    return Rejected(
        f"download: {why}",
        "the job is kept; if you trust that host, add it to download_hosts in the private configuration file",
        operation="download",
        reason="LINK_REFUSED",
    )


def _unreachable(why: str) -> Unreachable:
    return Unreachable(
        f"download: {why}",
        "the clip is paid and kept by the service for some days; run apply again",
        operation="download",
        retry_after_s=30,
        reason="DOWNLOAD_BROKEN",
    )


def _gone(status: int) -> JobError:
    return JobError(
        f"download: the link is dead ({status}), and neither the job nor the asset has another",
        "look for the clip on Google Flow's own page, then end it with `veospec resolve`",
        operation="download",
        charge=Charge.YES,
        reason="RESULT_GONE",
    )
