"""The Content Credentials of every file that was made, looked at once a digest and remembered in the index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from veospec.errors import MediaError, StoreCorrupt
from veospec.media.credentials import can_look, credentials_state
from veospec.model import Digest
from veospec.review.values import C2pa
from veospec.store.actions import ActionRecord
from veospec.store.layout import Store

_MEMORY = "credentials 1"
_STATES = {state.value: state for state in C2pa}


def credentials_of(store: Store, records: Iterable[ActionRecord]) -> dict[Digest, C2pa]:
    """Return what is known of the files of records; without the extra, what was seen while it was installed."""
    wanted = {record.digest: record for record in records}
    known = _remembered(store)
    found = {digest: known[digest] for digest in wanted if digest in known}
    fresh = [record for digest, record in wanted.items() if digest not in found]
    if fresh and can_look():
        seen = {record.digest: look(store, record) for record in fresh}
        found |= seen
        remember(store, seen)
    return found


def remember(store: Store, seen: Mapping[Digest, C2pa]) -> None:
    """Keep what was seen; what could not be checked is looked at again."""
    sure = {digest: state for digest, state in seen.items() if state is not C2pa.UNCHECKED}
    if sure and store.is_writable:
        whole = {**_remembered(store), **sure}
        store.index.remember(_MEMORY, json.dumps(whole, sort_keys=True).encode())


def look(store: Store, record: ActionRecord) -> C2pa:
    """Return what a file says of its origin."""
    if not can_look():
        return C2pa.UNCHECKED
    try:
        return _STATES[credentials_state(store.blobs.ensure(record.digest, record.suffix))]
    except (MediaError, StoreCorrupt):
        return C2pa.UNCHECKED


def _remembered(store: Store) -> dict[Digest, C2pa]:
    content = store.index.recall(_MEMORY)
    try:
        told = json.loads(content or b"{}")
    except ValueError:
        return {}
    return {digest: _STATES[state] for digest, state in told.items() if state in _STATES}
