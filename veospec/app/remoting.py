"""Put a paid run together: configuration, provider, journal, and the settings that the catalogue knows."""

from __future__ import annotations

import os
import platform
import random
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from veospec.app.project import Project
from veospec.app.settings import Settings as Wishes
from veospec.catalog.catalogue import Catalogue
from veospec.catalog.shipped import load_catalogue
from veospec.errors import MediaError, VeospecError
from veospec.filetypes import type_of
from veospec.media.boxes import check_mp4
from veospec.model import Key, Kind, Node, NodeId
from veospec.plan.values import Action, Plan
from veospec.providers.base import RemoteRefs
from veospec.providers.flow import config as flow_config
from veospec.providers.flow.provider import FlowProvider
from veospec.run.events import Listener
from veospec.run.halt import Halt
from veospec.run.journal import Journal
from veospec.run.kit import Kit, Settings
from veospec.run.landing import Lander
from veospec.run.limits import Limits
from veospec.run.local import LocalMaker
from veospec.run.outcome import Report
from veospec.run.ports import Bench
from veospec.run.refs import JournalRefs
from veospec.run.remote import RemoteMaker
from veospec.run.resume import Earlier
from veospec.run.runner import Runner
from veospec.run.scribe import Scribe
from veospec.store.layout import Store

DEADLINE_FACTOR = 12
"""How many times its longest usual time a job is watched before it is left pending.

Source: useapi.net Google Flow API v1 reference: 30 minutes for clips of up to 3 minutes, 90 for the low-priority queue
of up to 8, June and September 2026.
"""

NEAR = Limits(gap_s=0.0, poll_share=0.02, least_poll_s=0.05, is_near=True)
"""A double of the service on this machine is asked often, and sent as many jobs at once as it was told to take."""


class _NoRefs:
    """A memory that forgets, for looks that upload nothing."""

    def get(self, account: str, name: str) -> str:
        """Return nothing."""
        del account, name
        return ""

    def put(self, account: str, name: str, handle: str) -> None:
        """Remember nothing."""

    def forget(self, account: str, name: str) -> None:
        """Forget nothing."""


def check_file(path: Path) -> str:
    """Return what a downloaded file is after looking whether it is whole. Raises `MediaError`."""
    with path.open("rb") as file:
        kind = type_of(file.read(64))
    if kind == "mp4":
        check_mp4(path)
    if not kind:
        raise MediaError("what came is neither a clip nor a picture", "run apply again")
    return kind


@asynccontextmanager
async def flow_provider(
    environment: Mapping[str, str],
    catalogue: Catalogue,
    refs: RemoteRefs | None = None,
    owners: Mapping[NodeId, str] | None = None,
) -> AsyncIterator[tuple[FlowProvider, flow_config.FlowConfig]]:
    """Yield the provider and its configuration; every connection is closed at the end. Raises `UsageError`."""
    config = flow_config.load(environment)
    provider = FlowProvider(config, catalogue, refs or _NoRefs(), check=check_file, owners=owners)
    try:
        yield provider, config
    finally:
        await provider.aclose()


def named_accounts(environment: Mapping[str, str]) -> int:
    """Return how many accounts the configuration names, one when it names none. Raises `UsageError`."""
    return max(1, len(flow_config.load(environment).emails))


async def reported_plan_class(environment: Mapping[str, str], catalogue: Catalogue) -> str:
    """Return the plan class that the account reports, or nothing. Raises `ApiError` when the account cannot work."""
    async with flow_provider(environment, catalogue) as (provider, _):
        await provider.preflight((), None)
        return provider.plan_class


@asynccontextmanager
async def _kit(
    project: Project,
    store: Store,
    plan: Plan,
    wishes: Wishes,
    bench: Bench,
    halt: Halt,
    listener: Listener,
    environment: Mapping[str, str],
) -> AsyncIterator[Kit]:
    journal = Journal.open(store.journal_path)
    try:
        scribe = Scribe(journal)
        refs = JournalRefs(scribe, bench.clock.now)
        owners = _owners(store, plan)
        async with flow_provider(environment, project.catalogue, refs, owners) as (provider, config):
            settings = _settings(project, plan, wishes, is_loopback=config.is_loopback)
            yield Kit(bench, provider, scribe, halt, listener, settings, random.Random())  # noqa: S311 - jitter
    finally:
        journal.close()


async def run_remote(
    project: Project,
    store: Store,
    plan: Plan,
    wishes: Wishes,
    bench: Bench,
    halt: Halt,
    listener: Listener,
    environment: Mapping[str, str],
) -> Report:
    """Carry out a paid plan."""
    async with _kit(project, store, plan, wishes, bench, halt, listener, environment) as kit:
        local = LocalMaker(None, bench, kit.materials, halt, listener, workers=os.cpu_count() or 1)
        return await Runner(plan, bench, RemoteMaker(kit, local), halt, listener, run=kit.settings.run).run()


async def search_remote(
    project: Project,
    store: Store,
    plan: Plan,
    wishes: Wishes,
    bench: Bench,
    halt: Halt,
    listener: Listener,
    environment: Mapping[str, str],
    wanted: Set[Key],
) -> None:
    """Look for the jobs of requests whose answers were lost, so that a plan can build on what is found.

    Another process that is sending one for a wanted key is waited for.
    """
    async with _kit(project, store, plan, wishes, bench, halt, listener, environment) as kit:
        try:
            await Earlier(kit, Lander(kit)).search(wanted)
        finally:
            await kit.scribe.close()


def _owners(store: Store, plan: Plan) -> dict[NodeId, str]:
    """Return in which account the selected takes that are here were made: what builds on them stays there."""
    found = {}
    for step in plan.steps:
        if step.action is Action.REUSE and step.is_selected and step.key is not None:
            record = store.actions.get(step.key)
            if record is not None and record.receipt is not None and record.receipt.account:
                found[step.node.id] = record.receipt.account
    return found


def _settings(project: Project, plan: Plan, wishes: Wishes, *, is_loopback: bool) -> Settings:
    catalogue = project.catalogue
    default = Limits().deadline_s

    def usual(model: str) -> tuple[int, int] | None:
        row = catalogue.model(model)
        return row.usual_seconds if row is not None else None

    def usual_s(model: str) -> float | None:
        found = usual(model)
        return None if found is None or is_loopback else float(found[0])

    def deadline_s(model: str) -> float:
        if wishes.deadline_s is not None:
            return wishes.deadline_s
        found = usual(model)
        return max(default, DEADLINE_FACTOR * float(found[1])) if found else default

    def most_takes(node: Node) -> int:
        row = catalogue.model(node.request.model)
        return 1 if row is None or node.kind in (Kind.UPSCALE, Kind.JOIN) else row.max_count

    limits = replace(
        NEAR if is_loopback else Limits(), videos_per_account=wishes.jobs_per_account, poll_s=wishes.poll_s
    )
    return Settings(
        run=secrets.token_hex(8),
        process=f"{os.getpid()}@{platform.node()}",
        ceiling=replace(plan.ceiling, is_for_known=wishes.accept_unknown_price),
        policy=plan.storyboard.policy,
        limits=limits,
        usual_s=usual_s,
        deadline_s=deadline_s,
        most_takes=most_takes,
        new_id=lambda: secrets.token_hex(16),
        rescue_folder=project.root,
        say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - the last place left to say it
    )


async def account_facts(environment: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return (what, state, text, advice) of token, accounts and captcha providers, for `doctor`."""
    found: list[tuple[str, str, str, str]] = []
    catalogue = load_catalogue()
    async with flow_provider(environment, catalogue) as (provider, config):
        accounts = await provider.connected()
        found.append(("service", "ok", f"{config.base_url} accepts the token", ""))
        if not accounts:
            found.append(("account", "bad", "none is connected", "connect one on the setup page of useapi.net"))
        for account in accounts:
            name = catalogue.plan_for_account(sku=account.sku, tier=account.tier) or "plan not known"
            credits_text = "credits not told" if account.credits is None else f"{account.credits:,} credits"
            state = "ok" if account.is_healthy else "bad"
            advice = "" if account.is_healthy else "reconnect it on the setup page of useapi.net"
            text = (
                f"{account.email}, {name}, {credits_text}"
                if account.is_healthy
                else f"{account.email}: {account.health}"
            )
            found.append(("account", state, text, advice))
        for ask in (_captcha_providers, _captcha_attempts):
            try:
                found += await ask(provider)
            except VeospecError as error:
                found.append(("captcha", "note", error.message, error.hint))
    return found


async def _captcha_providers(provider: FlowProvider) -> list[tuple[str, str, str, str]]:
    captcha = await provider.captcha()
    return [("captcha", *_captcha_words(captcha.providers, captcha.free_left))]


async def _captcha_attempts(provider: FlowProvider) -> list[tuple[str, str, str, str]]:
    """Tell how the last attempts ended; the service's log of them is some minutes late."""
    rates = await provider.captcha_rates()
    told = ", ".join(f"{rate.provider} {rate.accepted} of {rate.attempts}" for rate in rates)
    return [("captcha", "ok", f"accepted of the last attempts: {told}", "")] if rates else []


def _captcha_words(providers: tuple[str, ...], free: int | None) -> tuple[str, str, str]:
    if providers:
        return "ok", f"solved by {', '.join(providers)}", ""
    if free:
        return "note", f"{free} free solves left and no provider", "add a captcha provider before they are used up"
    return "bad", "no provider and no free solves", "add a captcha provider on the setup page of useapi.net"
