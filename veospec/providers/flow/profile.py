"""The pure half of the Flow provider: what a take costs and what would be sent, without network or files."""

from __future__ import annotations

from collections.abc import Mapping

from veospec.catalog.catalogue import Catalogue
from veospec.model import (
    FREE,
    Character,
    Cost,
    FileSource,
    Mode,
    Node,
    NodeSource,
    OwnVoice,
    PresetVoice,
    Source,
)
from veospec.providers.base import Json
from veospec.providers.flow import wire
from veospec.providers.flow.replies import PROVIDER


class FlowProfile:
    """Prices and previews for one model table and plan class (empty: not known, the dearest class is taken)."""

    name = PROVIDER
    is_remote = True

    def __init__(self, catalogue: Catalogue, plan_class: str = "") -> None:
        self._catalogue = catalogue
        self._plan_class = plan_class

    def document(self, node: Node, take: int) -> Mapping[str, Json]:  # noqa: ARG002 - the contract's signature
        """Return nothing: names, notes, account and captcha settings do not reach the bytes of a clip."""
        return {}

    def price(self, node: Node) -> Cost:
        """Return the credits of one take."""
        request = node.request
        if request.mode is Mode.JOIN:
            return FREE
        return self._catalogue.credits(
            request.mode,
            request.model,
            duration=request.duration,
            resolution=request.resolution,
            plan_class=self._plan_class or None,
        )

    def preview(self, node: Node, take: int) -> Mapping[str, Json]:
        """Return method, path and body as they would be sent, with `<...>` for ids that do not exist yet."""
        if node.request.mode is Mode.JOIN:
            return {}
        handles = {entry.slot: _placeholder(entry.source) for entry in node.request.inputs}
        call = wire.call_for(
            node,
            count=1,
            seed=node.request.seed + take - 1,
            handles=handles,
            email="<account>",
            sends_resolution=sends_resolution(self._catalogue, node),
        )
        body = {name: value for name, value in call.body.items() if name != "email" or not _names_account(node)}
        if "replyRef" in wire.FIELDS[call.path]:
            body["replyRef"] = "<mark of the attempt>"
        return {"method": "POST", "path": call.path, "body": body}


def sends_resolution(catalogue: Catalogue, node: Node) -> bool:
    """Tell whether a request of this model names its resolution: only where the table offers a choice."""
    row = catalogue.model(node.request.model)
    return row is not None and row.asks_resolution


def _names_account(node: Node) -> bool:
    return any(not isinstance(entry.source, PresetVoice) for entry in node.request.inputs)


def _placeholder(source: Source) -> str:
    match source:
        case FileSource():
            return f"<{source.path}>"
        case NodeSource():
            return f"<{source.node} {source.frame} frame>" if source.frame else f"<{source.node}>"
        case PresetVoice():
            return source.name
        case OwnVoice():
            return f"<voice {source.name}>"
        case Character():
            return f"<character {source.name}>"
