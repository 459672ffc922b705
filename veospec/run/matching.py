"""Which result of a request is which take. Pure.

Each entry is judged by its own link or bytes: the number of results, or the state of the job, says nothing about
one take. Source: useapi.net Google Flow API v1 reference, `media[]` of `POST /videos`: single entries may be filtered
and lack their link, and the order is not promised; with `count` the seeds count up. June 2026.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from veospec.providers.base import Result
from veospec.run.rows import Entry

MISSING = "the service returned no file for this take"


def match(entries: Sequence[Entry], results: Sequence[Result]) -> dict[int, Result]:
    """Return the result of every take by its position; one that has none gets a refused one.

    Results are told apart by the seed that the service says it used, where those are just the seeds that were asked
    for; else by their order.
    """
    by_seed = _by_seed(entries, results)
    matched: dict[int, Result] = {}
    for index, entry in enumerate(entries):
        found = by_seed.get(entry.seed) if by_seed else (results[index] if index < len(results) else None)
        if found is None:
            receipt = replace(results[0].receipt, media_id="", seed=None) if results else None
            found = Result(receipt, refused=MISSING) if receipt else None
        if found is not None:
            matched[entry.position] = found
    return matched


def is_usable(result: Result) -> bool:
    """Tell whether a result leads to bytes."""
    return not result.refused and (bool(result.url) or result.content is not None)


def _by_seed(entries: Sequence[Entry], results: Sequence[Result]) -> dict[int, Result]:
    """Return results by seed when that is certain: every usable one has its own, and all were asked for."""
    usable = [result for result in results if is_usable(result)]
    seeds = [result.receipt.seed for result in usable]
    asked = {entry.seed for entry in entries}
    if not usable or len(set(seeds)) != len(seeds) or not set(seeds) <= asked:
        return {}
    told = {result.receipt.seed: result for result in usable if result.receipt.seed is not None}
    left = [result for result in results if not is_usable(result)]
    for entry in entries:
        if entry.seed not in told and left:
            told[entry.seed] = left.pop(0)
    return told
