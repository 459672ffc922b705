"""Which account makes which node. Pure.

Every media id belongs to one account, and a request whose ids belong to several is refused. So nodes that share
a picture, a clip, a voice or a character stay together; groups that share nothing are spread evenly.

Source: useapi.net Google Flow API v1 reference, identifiers and rule 12 of `POST /videos`, June 2026.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from veospec.model import Character, FileSource, Node, NodeId, NodeSource, OwnVoice, PresetVoice, Source


class Placement:
    """The account of each node of one run. The same arguments give the same answers.

    `owners` says where results already lie (also those of nodes that are not in `nodes`): a group follows the owner
    that most of its members have. Groups without one go, the dearest and then the largest first, to the account with
    the fewest nodes among those that can pay for the whole group, or to the richest when none can. `credits_left`
    (None: not known, so it may be enough) and `prices` (of all takes of a node) say who can.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        accounts: Sequence[str],
        owners: Mapping[NodeId, str],
        credits_left: Mapping[str, int | None] | None = None,
        prices: Mapping[NodeId, int] | None = None,
    ) -> None:
        self._accounts = tuple(accounts)
        self._prices = prices or {}
        self._left = {email: (credits_left or {}).get(email) for email in accounts}
        self._load = dict.fromkeys(accounts, 0)
        self._barred: set[tuple[str, str]] = set()
        self._groups = _groups(nodes) if accounts else []
        self.given: dict[NodeId, str] = {}
        free: list[list[Node]] = []
        for group in self._groups:
            owner = _owner(group, owners, self._load)
            if owner:
                self._give(owner, group)
            else:
                free.append(group)
        for group in sorted(free, key=lambda group: (self._need(group), len(group)), reverse=True):
            self._give(self._best(group, self._accounts), group)

    def bar(self, account: str, model: str) -> None:
        """Place nothing of a model in an account any more, or nothing at all when no model is named.

        A group moves as a whole to an account that may make all of it; where there is none it stays.
        """
        self._barred.add((account, model))
        for group in self._groups:
            moving = [node for node in group if self.given[node.id] == account]
            if any(self.is_barred(account, node.request.model) for node in moving):
                able = [email for email in self._accounts if self._may_make(email, moving)]
                if able:
                    self._give(self._best(moving, able), moving)

    def is_barred(self, account: str, model: str) -> bool:
        """Tell whether an account may not make things of a model."""
        return not self._barred.isdisjoint({(account, ""), (account, model)})

    def _may_make(self, account: str, group: Sequence[Node]) -> bool:
        return not any(self.is_barred(account, node.request.model) for node in group)

    def _best(self, group: Sequence[Node], accounts: Sequence[str]) -> str:
        need = self._need(group)
        able = [email for email in accounts if (held := self._left[email]) is None or held >= need]
        if able:
            return min(able, key=lambda email: self._load[email])
        return max(accounts, key=lambda email: self._left[email] or 0)

    def _give(self, account: str, group: Sequence[Node]) -> None:
        self._load[account] += len(group)
        held = self._left[account]
        self._left[account] = None if held is None else held - self._need(group)
        self.given.update((node.id, account) for node in group)

    def _need(self, group: Sequence[Node]) -> int:
        return sum(self._prices.get(node.id, 0) for node in group)


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
