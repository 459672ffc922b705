"""Which account makes which node. Pure.

Every media id belongs to one account, and a request whose ids belong to several is refused. So nodes that share
a picture, a clip, a voice or a character stay together; groups that share nothing are spread evenly.

Source: useapi.net Google Flow API v1 reference, identifiers and rule 12 of `POST /videos`, June 2026.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from veospec.model import Character, FileSource, Node, NodeId, NodeSource, OwnVoice, PresetVoice, Source


def assign(
    nodes: Sequence[Node],
    accounts: Sequence[str],
    owners: Mapping[NodeId, str],
    credits_left: Mapping[str, int | None] | None = None,
    prices: Mapping[NodeId, int] | None = None,
) -> dict[NodeId, str]:
    """Return the account of each node.

    `owners` says where results already lie (also those of nodes that are not in `nodes`): a group follows the
    owner that most of its members have. Groups without one go, the dearest and then the largest first, to the account
    with the fewest nodes among those that can pay for the whole group, or to the richest when none can.
    `credits_left` (None: not known, so it may be enough) and `prices` (of all takes of a node) say who can.
    The same arguments give the same answer.
    """
    if not accounts:
        return {}
    cost = prices or {}
    left = {email: (credits_left or {}).get(email) for email in accounts}
    load = dict.fromkeys(accounts, 0)

    def need(group: Sequence[Node]) -> int:
        return sum(cost.get(node.id, 0) for node in group)

    def spend(email: str, group: Sequence[Node]) -> None:
        load[email] += len(group)
        held = left[email]
        left[email] = None if held is None else held - need(group)

    given: dict[NodeId, str] = {}
    free: list[list[Node]] = []
    for group in _groups(nodes):
        owner = _owner(group, owners, load)
        if owner:
            spend(owner, group)
            given.update((node.id, owner) for node in group)
        else:
            free.append(group)
    for group in sorted(free, key=lambda group: (need(group), len(group)), reverse=True):
        able = [email for email in accounts if (held := left[email]) is None or held >= need(group)]
        if able:
            account = min(able, key=lambda email: load[email])
        else:
            account = max(accounts, key=lambda email: left[email] or 0)
        spend(account, group)
        given.update((node.id, account) for node in group)
    return given


def _owner(group: Iterable[Node], owners: Mapping[NodeId, str], known: Mapping[str, int]) -> str:
    votes: dict[str, int] = {}
    for node in group:
        for name in dict.fromkeys((node.id, *node.upstream)):
            owner = owners.get(name, "")
            if owner in known:
                votes[owner] = votes.get(owner, 0) + 1
    return max(votes, key=lambda email: votes[email], default="")


def _groups(nodes: Sequence[Node]) -> list[list[Node]]:
    leader: dict[Hashable, Hashable] = {}

    def find(item: Hashable) -> Hashable:
        while leader.setdefault(item, item) != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for node in nodes:
        for tie in _ties(node):
            leader[find(tie)] = find(("node", node.id))
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault(find(("node", node.id)), []).append(node)
    return list(groups.values())


def _ties(node: Node) -> Iterator[Hashable]:
    for entry in node.request.inputs:
        yield from _tie(entry.source)


def _tie(source: Source) -> Iterator[Hashable]:
    match source:
        case FileSource():
            yield ("file", source.path)
        case NodeSource():
            yield ("node", source.node)
        case OwnVoice():
            yield ("voice", source.name)
        case Character():
            yield ("character", source.name)
            for image in source.images:
                yield from _tie(image)
            if source.voice is not None:
                yield from _tie(source.voice)
        case PresetVoice():
            return
