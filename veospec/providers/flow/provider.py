"""The Google Flow API as a `Remote`: one object per run, one connection pool, one memory of what was denied.

Nothing in here repeats a paying request after an unclear answer. The one repetition there is follows a proven
rejection ("not found" for an input), after the input was uploaded again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from veospec.catalog.catalogue import Catalogue
from veospec.errors import (
    ApiError,
    BudgetExceeded,
    Charge,
    JobError,
    RequestInvalid,
    Scope,
    SubmissionUnknown,
    Throttled,
    Unreachable,
)
from veospec.model import Mode, Node, NodeId
from veospec.providers.base import (
    Accepted,
    Attempt,
    Fetched,
    Json,
    Order,
    Prepared,
    Receipt,
    Recovery,
    RemoteRefs,
    Result,
)
from veospec.providers.flow import accounts, ids, preflight, recovery, replies, wire
from veospec.providers.flow.api import JOB, LOG, FlowApi
from veospec.providers.flow.config import FlowConfig
from veospec.providers.flow.fault_table import JOB_GONE, NOT_FOUND, Kind
from veospec.providers.flow.faults import explain_job
from veospec.providers.flow.fetching import Fetcher, FileCheck
from veospec.providers.flow.inputs import Inputs
from veospec.providers.flow.links import Gate
from veospec.providers.flow.net import ApiClient
from veospec.providers.flow.profile import FlowProfile, sends_resolution

if TYPE_CHECKING:
    from veospec.providers.flow.downloads import DownloadClient

MAX_FILE_BYTES = 512 * 1024 * 1024
_YOUNG = timedelta(minutes=2)
PREFLIGHT_TRIES = 3
"""A hiccup before the first request is no reason to make nothing."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FlowProvider:
    """`refs` remembers uploads between runs; `owners` says in which account results of nodes already lie.

    `check` looks whether a downloaded file is whole and tells its type. `connections` bounds the free calls at once.
    """

    def __init__(
        self,
        config: FlowConfig,
        catalogue: Catalogue,
        refs: RemoteRefs,
        *,
        check: FileCheck,
        owners: Mapping[NodeId, str] | None = None,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        connections: int = 24,
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._now = now
        self._sleep = sleep
        self._client = ApiClient(config.base_url, config.token, connections=connections)
        self._downloads: DownloadClient | None = None
        self._api = FlowApi(self._client, config.token, now)
        self._inputs = Inputs(self._api, refs)
        self._fetcher = Fetcher(self._api, self._download_client, check, now=now, sleep=sleep, max_bytes=max_file_bytes)
        self._owners = dict(owners or {})
        self._accounts: tuple[str, ...] = ()
        self._placement = accounts.Placement((), (), {})
        self._denied: dict[tuple[str, str], ApiError] = {}
        self._born: dict[str, datetime] = {}
        self.plan_class = config.plan_class

    # -- before -------------------------------------------------------------------------------------------

    async def preflight(
        self, nodes: Sequence[Node], credits_needed: int | None, credits_agreed: int | None = None
    ) -> tuple[str, ...]:
        """Check token, account health, credits and prices, spread the nodes over the accounts; return notes."""
        for turn in range(1, PREFLIGHT_TRIES):
            try:
                found = await preflight.check(self._api, self._config, self._catalogue, credits_needed)
                break
            except (Throttled, Unreachable) as error:
                await self._sleep(min(error.retry_after_s or 0.0, 2.0**turn))
        else:
            found = await preflight.check(self._api, self._config, self._catalogue, credits_needed)
        self._accounts = found.emails
        self.plan_class = found.plan_class
        left = {account.email: account.credits for account in found.accounts}
        prices = self._prices(nodes, self.plan_class)
        if credits_agreed is not None:
            self._hold(nodes, found.reported, credits_agreed)
        each = tuple({node.id: node for node in nodes}.values())
        self._placement = accounts.Placement(each, self._accounts, self._owners, left, prices)
        return found.notes

    def _prices(self, nodes: Sequence[Node], plan_class: str) -> Counter[NodeId]:
        """Return what all takes of each node cost on a plan; what is not for it counts as on the dearest that is."""
        profile, dearest = FlowProfile(self._catalogue, plan_class), FlowProfile(self._catalogue)
        prices = Counter[NodeId]()
        for node in nodes:
            found = profile.price(node).credits
            prices[node.id] += (dearest.price(node).credits or 0) if found is None else found
        return prices

    def _hold(self, nodes: Sequence[Node], reported: Sequence[str], agreed: int) -> None:
        """Hold what was agreed to against the plans that the accounts report: those are what pays."""
        for name in reported:
            worst = sum(self._prices(nodes, name).values())
            if worst > agreed:
                raise BudgetExceeded(
                    f"the account reports the plan {name}, where this costs up to {worst:,} credits;"
                    f" {agreed:,} were agreed to, with the prices of another plan",
                    f"Plan it with --plan-class {name}, or allow --max-credits {worst}.",
                )

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts of this run; empty before `preflight` or the first `prepare`."""
        return self._accounts

    async def account_of(self, node: Node) -> str:
        """Return the account that makes a node."""
        if not self._accounts:
            self._accounts = await preflight.choose(self._api, self._config)
        return self._placement.given.get(node.id) or self._owners.get(node.id) or self._accounts[0]

    def bar(self, account: str, model: str, error: ApiError) -> None:
        """Make nothing of a model in an account any more; whatever is not bound to it goes elsewhere."""
        self._denied.setdefault((account, model), error)
        self._placement.bar(account, model)

    async def prepare(self, order: Order) -> Prepared:
        """Upload what is missing and write the body."""
        owner = _owner_of_source(order)
        # An id spells its owner in lower case; the configured spelling names the same account.
        account = next((e for e in self._config.emails if owner and ids.same_email(owner, e)), owner)
        account = account or await self.account_of(order.node)
        denied = self._denied.get((account, "")) or self._denied.get((account, order.node.request.model))
        if denied is not None:
            raise denied
        try:
            return await self._prepared(order, account, trusts_receipts=True)
        except ApiError as error:
            if error.scope is Scope.ACCOUNT and error.retry_after_s is None:
                self.bar(account, "", error)
            raise

    async def _prepared(self, order: Order, account: str, *, trusts_receipts: bool) -> Prepared:
        mode = order.node.request.mode
        if mode in (Mode.EXTEND, Mode.UPSCALE):
            handles = {"source": _source_id(order)}
        else:
            handles = await self._inputs.handles(order.materials, account, trusts_receipts=trusts_receipts)
        call = wire.call_for(
            order.node,
            count=len(order.takes),
            seed=order.seed,
            handles=handles,
            email=account,
            sends_resolution=sends_resolution(self._catalogue, order.node),
        )
        return Prepared(order, account, call.path, call.body)

    # -- paying -------------------------------------------------------------------------------------------

    async def submit(self, prepared: Prepared, reply_ref: str) -> Accepted:
        """Send the paid request once; a proven "not found" of an input uploads it again and sends once more."""
        try:
            return await self._submit(prepared, reply_ref)
        except RequestInvalid as error:
            mode = prepared.order.node.request.mode
            if error.reason != NOT_FOUND or not prepared.order.materials or mode in (Mode.EXTEND, Mode.UPSCALE):
                raise
            self._inputs.forget(prepared.order.materials, prepared.account)
            again = await self._prepared(prepared.order, prepared.account, trusts_receipts=False)
            return await self._submit(again, reply_ref)

    async def _submit(self, prepared: Prepared, reply_ref: str) -> Accepted:
        path, account = prepared.path, prepared.account
        body = wire.with_reply_ref(path, prepared.body, reply_ref)
        document, file = await self._api.submit(path, body, email=account)
        job = replies.job_id(document)
        receipt = Receipt(replies.PROVIDER, account, job)
        if file:
            return Accepted(job, account, (Result(receipt, content=file),))
        if path == wire.IMAGES_UPSCALE:
            again = ids.repeat_id(body["resolution"], body["mediaGenerationId"])
            return Accepted(again, account, (_enlarged(again, account, document),))
        found = replies.results(document, account=account, job=job)
        if path == wire.IMAGES:
            return Accepted(job, account, found or (_silent(receipt, document),))
        if not job and not any(result.url for result in found):
            raise SubmissionUnknown(
                f"{path}: the service accepted the request without a usable job id",
                "nothing was sent again; run apply again to look for the job, or end it with `veospec resolve`",
                operation=path,
                charge=Charge.UNKNOWN,
                reason="NO_JOB_ID",
            )
        self._born[job] = self._now()
        # An async answer lists operations that are only promises; a cached upscale may answer with the file's link.
        return Accepted(job, account, found if any(result.url for result in found) else ())

    # -- after --------------------------------------------------------------------------------------------

    async def poll(self, job_id: str, sent_at: datetime | None = None) -> tuple[Result, ...] | None:
        """Return the results of a job, or None while it runs."""
        resolution, media_id = ids.repeated(job_id)
        if media_id:
            document = await self._api.make(wire.enlarge(media_id, resolution))
            return (_enlarged(job_id, ids.owner_of(media_id), document),)
        try:
            document = await self._api.get(ids.job_path(job_id), kind=Kind.POLL, limits=JOB)
        except ValueError:
            raise RequestInvalid("the job id has letters that no job id has", "name the job again") from None
        except JobError as error:
            # Right after it was accepted a job may not be listed yet.
            if error.reason == JOB_GONE[0] and self._is_young(job_id, sent_at):
                return None
            raise
        job = replies.job(document)
        if job.state == "running":
            return None
        found = tuple(replace(result, receipt=replace(result.receipt, job_id=job_id)) for result in job.results)
        if job.state == "failed" and not any(result.url or result.content for result in found):
            raise explain_job(document, now=self._now(), redact=self._config.token.redact)
        content = b"" if found else replies.encoded_file(document.get("response"))
        if content:
            return (Result(Receipt(replies.PROVIDER, job_id=job_id), content=content),)
        if not found:
            raise JobError(
                "the job is completed but holds no result",
                "look for the clip on Google Flow's own page",
                operation="job",
                charge=Charge.UNKNOWN,
                reason="NO_RESULT",
            )
        return found

    def _is_young(self, job_id: str, sent_at: datetime | None) -> bool:
        born = self._born.get(job_id, sent_at)
        return born is not None and self._now() - born < _YOUNG

    async def fetch(self, result: Result, target: Path) -> Fetched:
        """Download a result; a broken download is repeated, a dead link renewed."""
        return await self._fetcher.fetch(result, target)

    async def recover(self, attempt: Attempt) -> Recovery:
        """Look for the job of a request whose answer was lost; an enlarged picture is free and has none."""
        if attempt.path == wire.IMAGES_UPSCALE:
            again = ids.repeat_id(str(attempt.body["resolution"]), str(attempt.body["mediaGenerationId"]))
            return Recovery(again, attempt.account, "enlarging a picture is free, so it is asked for again")
        return await recovery.find(self._api, attempt, self._now())

    # -- beside the graph ---------------------------------------------------------------------------------

    async def gif(self, media_id: str) -> bytes:
        """Return a small moving preview of a clip. Free."""
        return await self._encoded(wire.gif(media_id))

    async def concatenate(self, segments: Sequence[wire.Segment]) -> bytes:
        """Return 2 to 10 clips of one account and ratio joined by the service, as one MP4. Free."""
        return await self._encoded(wire.concatenate(segments))

    async def _encoded(self, call: wire.Call) -> bytes:
        document = await self._api.make(call)
        content = replies.encoded_file(document)
        if not content:
            raise explain_job(document, now=self._now(), redact=self._config.token.redact)
        return content

    async def captcha(self) -> replies.Captcha:
        """Return which captcha providers are configured; for `doctor`."""
        return replies.captcha_providers(await self._api.get("/accounts/captcha-providers"))

    async def captcha_rates(self) -> tuple[replies.CaptchaRate, ...]:
        """Return how many of the last captcha attempts of each provider were taken; for `doctor`."""
        return replies.captcha_rates(await self._api.get("/accounts/captcha-stats?limit=500", limits=LOG))

    async def connected(self) -> tuple[replies.Account, ...]:
        """Return every connected account with its health, credits and plan where it is healthy; for `doctor`."""
        found = []
        for account in replies.accounts(await self._api.get("/accounts")):
            asked = next(
                (email for email in self._config.emails if ids.same_email(account.email, email)), account.email
            )
            if account.is_healthy and "***" not in asked:
                try:
                    found.append(replies.account(await self._api.get(ids.account_path(asked), email=asked), asked))
                    continue
                except ApiError as error:
                    if error.scope is Scope.RUN:
                        raise
            found.append(account)
        return tuple(found)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()
        if self._downloads is not None:
            await self._downloads.aclose()

    def _download_client(self) -> DownloadClient:
        if self._downloads is None:
            from veospec.providers.flow.downloads import DownloadClient

            self._downloads = DownloadClient(
                Gate(self._config.download_hosts, allows_loopback=self._config.is_loopback)
            )
        return self._downloads


def _enlarged(handle: str, account: str, document: Json) -> Result:
    receipt, content = Receipt(replies.PROVIDER, account, handle), replies.encoded_file(document)
    return Result(receipt, content=content) if content else _silent(receipt, document)


def _silent(receipt: Receipt, document: Json) -> Result:
    return Result(receipt, refused=", ".join(replies.reasons(document)) or replies.SILENT)


def _source_id(order: Order) -> str:
    receipt = next((entry.receipt for entry in order.materials if entry.entry.slot == "source"), None)
    if receipt is None or receipt.provider != replies.PROVIDER or not ids.is_media_id(receipt.media_id):
        raise RequestInvalid(
            f"{order.node.id}: the service does not know the source any more by an id of its own",
            "only clips and pictures that the service made can be extended or upscaled; make the source again",
            operation=order.node.id,
            reason="NO_SOURCE_ID",
        )
    return receipt.media_id


def _owner_of_source(order: Order) -> str:
    """Return the account that an extension or upscale is bound to, because its source cannot be uploaded."""
    if order.node.request.mode not in (Mode.EXTEND, Mode.UPSCALE):
        return ""
    media_id = _source_id(order)
    receipt = next(entry.receipt for entry in order.materials if entry.entry.slot == "source")
    return ids.owner_of(media_id) or (receipt.account if receipt else "")
