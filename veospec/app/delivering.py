"""Put what was made where people look: `out/`. Everything here can be made again from the store, for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct

from veospec.app import films, pages
from veospec.app.account import Account, account_of
from veospec.app.choices import Choices
from veospec.app.desk import Desk
from veospec.app.inventory import StoredInventory
from veospec.app.outputs import MANIFEST
from veospec.app.planning import inventory_of
from veospec.app.project import Project, open_project
from veospec.errors import StoreError
from veospec.run.events import Ended
from veospec.run.outcome import Report
from veospec.store.layout import Store

T = TypeVar("T")

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Delivered(Struct, frozen=True):
    """What lies in the output folder now; paths are relative to it. `notes` say what could not be made, `files` are
    all that were made or found right, `inventory` is what they were made from.
    """

    clips: int
    reels: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    inventory: StoredInventory | None = None

    def places(self, out: Path) -> Iterator[tuple[str, Path]]:
        """Yield (what, where) of the things a person opens first."""
        if self.clips:
            yield "clips", out / "clips"
        yield "manifest", out / MANIFEST
        for reel in self.reels:
            yield "reel", out / reel
        for page in self.pages:
            yield Path(page).stem.replace("contact-sheet", "sheet"), out / page


UNASKED_REEL_SHOTS = 60
"""Up to how many shots a cut is joined at the end of every run without a `reel:` that asks for it."""


class Wrote(Struct, frozen=True):
    """The files that a command wrote, and what it has to say about them."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def deliver(
    project: Project,
    store: Store,
    look: Callable[[], StoredInventory],
    report: Report,
    *,
    join_reel: bool,
    environment: Mapping[str, str] = _NOTHING,
) -> Delivered:
    """Write clips, stills, frames, manifest, reel, sheet, page and exports; remove our files that are no one's now.

    `look` returns what is known when the turn to deliver has come.
    """
    failures = {o.step.id: o.reason for o in report.outcomes if o.state is Ended.FAILED}

    def everything() -> Delivered:
        with Desk(project, store, environment, lambda: account_of(project, look(), failures)) as desk:
            return _everything(desk, join_reel=join_reel)

    return _although_some_vanishes(everything)


def _everything(desk: Desk, *, join_reel: bool) -> Delivered:
    desk.clips()
    desk.frames()
    reels: list[str] = []
    if join_reel and not _is_long(desk.account):
        reels = desk.attempt(films.reels)
        desk.attempt(films.preview)
    else:
        films.keep(desk)
        if join_reel:
            desk.note("no reel was joined: the cut is long and the storyboard has no `reel:`", "see `veospec reel`")
    shown = desk.attempt(pages.sheet)[:1] + desk.attempt(pages.page)
    desk.attempt(lambda desk: pages.exports(desk, pages.wanted_exports(desk)))
    desk.manifest()
    desk.tidy()
    made = sum(1 for t in desk.account.takes if t.file.startswith("clips/"))
    inventory = desk.account.inventory
    return Delivered(made, tuple(reels), tuple(shown), tuple(desk.notes), desk.files, inventory)


def _although_some_vanishes(work: Callable[[], T]) -> T:
    """Deliver once more when files went meanwhile: a person may delete `out/` and the index at any time.

    Raises what the second try does.
    """
    try:
        return work()
    except (FileNotFoundError, StoreError) as error:
        cause = error.__cause__ if isinstance(error, StoreError) else error
        if not isinstance(cause, FileNotFoundError):
            raise
    return work()


def deliver_early(project: Project, store: Store, inventory: StoredInventory, environment: Mapping[str, str]) -> None:
    """Write what can be looked at while a run goes on, so that little is left for its end.

    No film is joined, nothing of ours is removed, and the manifest stays for the end. Raises `StoreError`, also when
    somebody else delivers into the folder now.
    """
    with Desk(project, store, environment, lambda: account_of(project, inventory), wait_s=0.0) as desk:
        desk.clips()
        desk.frames()
        desk.attempt(partial(pages.sheet, only_whole=True))
        desk.attempt(pages.page)
        desk.attempt(lambda desk: pages.exports(desk, pages.wanted_exports(desk)))


def _is_long(account: Account) -> bool:
    """Tell whether joining would take minutes that nobody asked for; a `reel:` in the storyboard asks for it."""
    is_asked = account.project.storyboard.reel.is_asked
    return not is_asked and any(len(cut.events) > UNASKED_REEL_SHOTS for cut in account.cuts)


def deliver_reel(choices: Choices, environment: Mapping[str, str]) -> Wrote:
    """Join the cut of every delivery, and draw its moving preview."""
    return _only(choices, environment, lambda desk: films.reels(desk) + desk.attempt(films.preview))


def deliver_sheet(choices: Choices, environment: Mapping[str, str]) -> Wrote:
    """Write the contact sheet."""
    return _only(choices, environment, pages.sheet)


def deliver_review(choices: Choices, environment: Mapping[str, str]) -> Wrote:
    """Write the review page."""
    return _only(choices, environment, pages.page)


def deliver_exports(choices: Choices, environment: Mapping[str, str], forms: tuple[str, ...]) -> Wrote:
    """Write timelines, captions and shot lists."""
    return _only(
        choices, environment, lambda desk: pages.exports(desk, forms or pages.wanted_exports(desk) or ("csv",))
    )


def _only(choices: Choices, environment: Mapping[str, str], work: Callable[[Desk], list[str]]) -> Wrote:
    project = open_project(choices, environment)
    with Store.open(project.store_root, write=True, doing="deliver") as store:

        def these() -> Wrote:
            look = partial(inventory_of, project, store)
            with Desk(project, store, environment, lambda: account_of(project, look())) as desk:
                desk.clips()
                paths = work(desk)
                desk.manifest()
                return Wrote(tuple(project.out / path for path in paths), tuple(desk.notes))

        return _although_some_vanishes(these)
