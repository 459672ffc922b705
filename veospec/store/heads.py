"""What each storyboard accepted last: (node, take) to key, and the few keys before it.

`explain` compares with it, stale work is found by it, and `cache gc` keeps whatever a head names. One sealed file per
storyboard; losing it loses history, never a clip.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from msgspec import MsgspecError, Raw, Struct, field
from msgspec.json import Decoder as JsonDecoder

from veospec.errors import StoreCorrupt, StoreError, StoreReadOnly
from veospec.model import Key, NodeId
from veospec.store.blobs import is_digest
from veospec.store.durable import replace_file
from veospec.store.faults import translated
from veospec.store.lock import Locks
from veospec.store.sealed import NewerError, SealError, body_of, check_version, read_json, seal

KIND = "veospec_heads"
VERSION = 1
HISTORY = 5
MAX_FILE_BYTES = 256 << 20
_LOCK_WAIT_S = 30.0

Place: TypeAlias = tuple[NodeId, int]
"""A node id and a take."""


class Head(Struct, frozen=True):
    """The keys that one place accepted, newest first, and which node filled each slot when it did last."""

    keys: tuple[Key, ...]
    upstream: Mapping[str, NodeId]


def board_name(spec: Path, root: Path) -> str:
    """Return the name of a storyboard in a store: relative when the project holds the store, so that it may move."""
    spec, home = spec.resolve(), root.resolve().parent
    return spec.relative_to(home).as_posix() if spec.is_relative_to(home) else spec.as_posix()


def heads_name(board: str, provider: str) -> str:
    """Return the name under which a storyboard's heads with one provider lie.

    Each provider has its own: an animatic between two paid runs is no newer version of what was paid for, and taking it
    for one would buy again what is only out of date.
    """
    return board if provider == "local" else f"{board}\n{provider}"


class _Written(Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[Key, ...]
    upstream: dict[str, NodeId]


_Nodes: TypeAlias = dict[NodeId, dict[str, _Written]]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """The members of a file, each of its exact type."""

    board: str
    nodes: _Nodes
    version: int = field(name=KIND)


class _Outline(Struct, frozen=True, forbid_unknown_fields=True):
    """The same with the nodes as they are written: of ten thousand an edit asks for one."""

    board: str
    nodes: dict[NodeId, Raw]
    version: int = field(name=KIND)


class Newest:
    """What each place of one storyboard accepted last."""

    def __init__(self, nodes: Mapping[NodeId, Raw], path: Path) -> None:
        self._nodes = nodes
        self._path = path

    def get(self, place: Place) -> Head | None:
        """Return the head of a place, or None. Raises `StoreCorrupt`."""
        node, take = place
        raw = self._nodes.get(node)
        if raw is None:
            return None
        try:
            found = _read_takes(raw).get(str(take))
        except MsgspecError:
            raise _damaged(self._path, _WRONG_MEMBERS) from None
        return None if found is None else _head(found, self._path)


class Heads:
    """The heads of every storyboard that uses the store."""

    def __init__(self, folder: Path, *, scratch: Path, locks: Locks, is_writable: bool) -> None:
        self.folder = folder
        self._scratch = scratch
        self._locks = locks
        self._is_writable = is_writable

    def get(self, board: str) -> dict[Place, Key]:
        """Return the key accepted last for each place. Raises `StoreCorrupt`."""
        return {place: head.keys[0] for place, head in self.heads(board).items()}

    def heads(self, board: str) -> dict[Place, Head]:
        """Return all that is remembered of each place. Raises `StoreCorrupt`."""
        return self._load(self._path(board), board)

    def newest(self, board: str) -> Newest:
        """Return the heads as questions, each checked when it is asked. Raises `StoreCorrupt`, also later."""
        path = self._path(board)
        raw = _read(path)
        if raw is None:
            return Newest({}, path)
        return Newest(_of_board(_parse_as(_read_outline, raw, path), board, path).nodes, path)

    def accept(
        self,
        board: str,
        accepted: Mapping[Place, Key],
        upstream: Mapping[Place, Mapping[str, NodeId]] | None = None,
    ) -> None:
        """Make these keys the newest of their places; other places stay. Safe against other processes.

        `upstream` maps places to the nodes that filled their slots.
        """
        if not self._is_writable:
            raise StoreReadOnly(f"{self.folder} was opened for reading only")
        if any(not is_digest(key) or take < 1 for (_, take), key in accepted.items()):
            raise ValueError("a head must be a key and a take from 1")
        path = self._path(board)
        with self._locks.acquire(f"heads-{path.stem}", wait_s=_LOCK_WAIT_S):
            held = self._load(path, board)
            merged = dict(held)
            for place, key in accepted.items():
                older = held[place].keys if place in held else ()
                keys = (key, *(k for k in older if k != key))[:HISTORY]
                merged[place] = Head(keys, dict((upstream or {}).get(place, {})))
            if merged != held:
                with translated("write", path):
                    replace_file(path, _encode(board, merged), scratch=self._scratch)

    def boards(self) -> Iterator[str]:
        """Yield the name of every storyboard that has heads, sorted by file. Raises `StoreCorrupt`."""
        for path in self._files():
            yield _parse(_read(path) or b"", path).board

    def keys(self) -> set[Key]:
        """Return every key that any storyboard names, newest or older. Raises `StoreCorrupt`."""
        found: set[Key] = set()
        for path in self._files():
            for _, head in _places(_parse(_read(path) or b"", path).nodes, path):
                found.update(head.keys)
        return found

    def _files(self) -> list[Path]:
        with translated("read", self.folder):
            try:
                return sorted(p for p in self.folder.iterdir() if p.suffix == ".json" and is_digest(p.stem))
            except FileNotFoundError:
                return []

    def _path(self, board: str) -> Path:
        return self.folder / f"{sha256(board.encode('utf-8', 'surrogateescape')).hexdigest()}.json"

    def _load(self, path: Path, board: str) -> dict[Place, Head]:
        raw = _read(path)
        return {} if raw is None else dict(_places(_of_board(_parse(raw, path), board, path).nodes, path))


_AnyFile = TypeVar("_AnyFile", _File, _Outline)
_WRONG_MEMBERS = "it has not the members that it must have"
_read_file = JsonDecoder(_File).decode
_read_outline = JsonDecoder(_Outline).decode
_read_takes = JsonDecoder(dict[str, _Written]).decode


def _encode(board: str, held: Mapping[Place, Head]) -> bytes:
    nodes: dict[str, dict[str, Any]] = {}
    for (node, take), head in held.items():
        nodes.setdefault(node, {})[str(take)] = {"keys": head.keys, "upstream": head.upstream}
    return seal(KIND, VERSION, {"board": board, "nodes": nodes})


def _parse(raw: bytes, path: Path) -> _File:
    return _parse_as(_read_file, raw, path)


def _parse_as(reader: Callable[[bytes], _AnyFile], raw: bytes, path: Path) -> _AnyFile:
    try:
        body = body_of(raw)
        try:
            written = reader(body)
        except (ValueError, RecursionError):
            check_version(read_json(body).get(KIND), KIND, VERSION)
            raise SealError(_WRONG_MEMBERS) from None
        check_version(written.version, KIND, VERSION)
    except NewerError as reason:
        raise StoreError(f"cannot use {path}: {reason}", "Use that version of veospec; nothing was changed.") from None
    except SealError as reason:
        raise _damaged(path, str(reason)) from None
    return written


def _of_board(written: _AnyFile, board: str, path: Path) -> _AnyFile:
    if written.board != board:
        raise _damaged(path, f"it belongs to the storyboard {written.board!r}")
    return written


def _places(nodes: _Nodes, path: Path) -> Iterator[tuple[Place, Head]]:
    for node, takes in nodes.items():
        for take, written in takes.items():
            if not (take.isascii() and take.isdigit() and len(take) < 10 and take != "0"):
                raise _damaged(path, "a take is no number")
            yield (node, int(take)), _head(written, path)


def _head(written: _Written, path: Path) -> Head:
    if not written.keys or not all(map(is_digest, written.keys)):
        raise _damaged(path, "a head has no keys")
    return Head(written.keys, written.upstream)


def _damaged(path: Path, reason: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"the list of accepted takes {path} is damaged: {reason}",
        "Remove this one file: only the history for `explain` is lost, no clip.",
    )


def _read(path: Path) -> bytes | None:
    with translated("read", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb") as stream:
            return stream.read(MAX_FILE_BYTES)
