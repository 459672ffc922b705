"""Leave Python's cycle collector out of work that only builds values: it walks all of them again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector off inside; what was built there is never walked afterwards either.

    For values that live as long as the process does: a storyboard, its plan. As a decorator it does the same.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
