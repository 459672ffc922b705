"""The reference storyboard, request by request: what the compiler says is what the service accepts.

The run has its own tests; here only the provider stands between the compiled nodes and the emulator, which is as
strict as the service about fields, slots, plans and counts.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from flow_builders import Refs
from msgspec.structs import replace

from veospec.catalog.catalogue import Catalogue
from veospec.catalog.shipped import load_catalogue
from veospec.emulator.options import AccountOption, Options
from veospec.emulator.serve import running
from veospec.errors import MediaError
from veospec.filetypes import type_of
from veospec.media.boxes import check_mp4
from veospec.media.frames import extract
from veospec.media.probe import probe
from veospec.model import Character, FileSource, Input, Kind, Node, NodeSource, Source, Storyboard
from veospec.providers.base import Material, Order, Receipt, Result
from veospec.providers.flow.config import FlowConfig, Token
from veospec.providers.flow.profile import FlowProfile
from veospec.providers.flow.provider import FlowProvider
from veospec.spec.compiler import compile_storyboard

TOKEN = "user:777-CANARYboard"
MAIN = "shots.yaml"


def whole_file(path: Path) -> str:
    with path.open("rb") as file:
        kind = type_of(file.read(32))
    if kind == "mp4":
        check_mp4(path)
    elif not kind:
        raise MediaError("neither clip nor picture")
    return kind


class Film:
    """Makes the nodes of a storyboard one after the other with nothing but the provider."""

    def __init__(self, folder: Path, target: Path, provider: FlowProvider) -> None:
        self.folder = folder
        self.target = target
        self.provider = provider
        self.made: dict[str, tuple[Path, Receipt]] = {}

    async def make(self, node: Node) -> None:
        materials = tuple(self.material(entry, entry.source) for entry in node.request.inputs)
        takes = tuple(range(1, node.takes + 1))
        order = Order(node, takes, tuple(f"{take:064x}" for take in takes), node.request.seed, materials)
        accepted = await self.provider.submit(await self.provider.prepare(order), f"vs1:{node.id}")
        results = accepted.results or await self.finished(accepted.job_id)
        assert len(takes) == len(results)
        selected = results[node.select - 1]
        path = self.target / hashlib.sha256(node.id.encode()).hexdigest()
        await self.provider.fetch(selected, path)
        self.made[node.id] = (path, selected.receipt)

    async def finished(self, job_id: str) -> tuple[Result, ...]:
        while True:
            found = await self.provider.poll(job_id)
            if found is not None:
                return found
            await asyncio.sleep(0.01)

    def material(self, entry: Input, source: Source) -> Material:
        match source:
            case FileSource():
                return filled(entry, self.folder / source.path, None)
            case NodeSource():
                path, receipt = self.made[source.node]
                if not source.frame:
                    return filled(entry, path, receipt)
                frame = path.with_name(f"{path.name}_{source.frame}.png")
                extract(path, source.frame, probe(path), frame)
                return filled(entry, frame, receipt)
            case Character():
                parts = [self.material(replace(entry, source=image), image) for image in source.images]
                return Material(entry, parts=tuple(parts))
        return Material(entry)


def filled(entry: Input, path: Path, receipt: Receipt | None) -> Material:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Material(entry, digest, path, whole_file(path), None, receipt)


def compiled(folder: Path, catalogue: Catalogue, plan: str) -> Storyboard:
    found = compile_storyboard(
        {MAIN: (folder / MAIN).read_bytes()},
        MAIN,
        env={},
        catalogue=catalogue,
        plan_class=plan,
        provider="flow",
    )
    assert found.storyboard is not None, found.problems
    return found.storyboard


def test_every_request_of_the_reference_storyboard_is_accepted(project_root: Path, tmp_path: Path) -> None:
    """All modes, both ratios, stills, a character with her own voice; the balance falls by just the price."""
    folder = project_root / "specs/night-ferry"
    catalogue = load_catalogue(as_of=date(2026, 11, 22))
    board = compiled(folder, catalogue, "ultra-200")
    profile = FlowProfile(catalogue, "ultra-200")
    nodes = [node for node in board.nodes if node.kind is not Kind.JOIN]
    price = sum((profile.price(node).credits or 0) * node.takes for node in nodes)
    account = AccountOption("studio.one@example.com")
    options = Options(accounts=(account,), table="november", job_seconds=0, image_seconds=0, token=TOKEN, media="small")

    with running(options) as address:

        async def main() -> Mapping[str, int]:
            config = FlowConfig(Token(TOKEN), (account.email,), address.base_url)
            provider = FlowProvider(config, catalogue, Refs(), check=whole_file)
            try:
                await provider.preflight(nodes, price)
                film = Film(folder, tmp_path, provider)
                for node in nodes:
                    await film.make(node)
                (left,) = await provider.connected()
                return {"made": len(film.made), "left": left.credits or 0}
            finally:
                await provider.aclose()

        found = asyncio.run(main())
    assert {"made": len(nodes), "left": account.credits - price} == dict(found)
