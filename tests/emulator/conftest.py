"""Emulators for the tests of this room: one shared by the tests that leave no traces, and one of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from emulator_client import Flow

from veospec.emulator.options import Options
from veospec.emulator.serve import running

Start = Callable[..., Flow]


@pytest.fixture(scope="module")
def flow() -> Iterator[Flow]:
    """A client of one Ultra account with the November table and jobs of no length worth waiting for."""
    with running(Options(job_seconds=0.02, media="small")) as address, Flow(address) as client:
        yield client


@pytest.fixture(scope="module")
def june() -> Iterator[Flow]:
    """The same with the June table."""
    with running(Options(job_seconds=0.02, media="small", table="june")) as address, Flow(address) as client:
        yield client


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an emulator with any options; it ends with the test."""
    with ExitStack() as stack:

        def begin(**options: object) -> Flow:
            chosen = Options(**{"job_seconds": 0.02, "media": "small", **options})  # type: ignore[arg-type]
            return stack.enter_context(Flow(stack.enter_context(running(chosen))))

        yield begin
