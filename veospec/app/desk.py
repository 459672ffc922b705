"""One delivery into the output folder: what was written, what is stamped, and small pictures of takes.

What takes time (reels, sheets, frames) is stamped in the index with a digest of everything that decides it, and not
made again while the stamp and the file agree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from veospec.app.account import Account
from veospec.app.outputs import MANIFEST, PATIENCE_S, deliver_take, out_folder, out_lease, poster_path
from veospec.app.planning import committed_manifest
from veospec.app.project import Project
from veospec.app.thumbs import make_thumbs, shown_frames, thumb_path
from veospec.errors import MediaError, OutputForeign, StoreCorrupt, StoreFull
from veospec.media import frames
from veospec.model import Character, NodeSource
from veospec.review.values import Output
from veospec.store.actions import ActionRecord
from veospec.store.durable import scratch_name
from veospec.store.faults import from_os_error, is_full, translated
from veospec.store.layout import Store


class Desk:
    """One delivery. `notes` gathers what a person should know: what could not be made, and why.

    `look` returns the account; it is asked when nobody else delivers any more, so that takes which another run has just
    made are told too. Raises `StoreLocked` when somebody else delivers for longer than `wait_s`.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        environment: Mapping[str, str],
        look: Callable[[], Account],
        *,
        wait_s: float = PATIENCE_S,
    ) -> None:
        self.store = store
        self.environment = environment
        self.notes: list[str] = []
        self._lease = out_lease(project, store, wait_s)
        try:
            self.account = look()
            self._out = out_folder(project, store)
        except BaseException:
            self._lease.release()
            raise
        self._written: set[str] = set()
        self._is_shared = False
        self._shown: dict[tuple[str, str], Path | str] = {}

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._out.close()
        finally:
            self._lease.release()

    def attempt(self, work: Callable[[Desk], list[str]]) -> list[str]:
        """Do a part of the delivery; what cannot be made, or meets somebody's own file, is a note, never a lost run."""
        try:
            return work(self)
        except (MediaError, StoreCorrupt, StoreFull, OutputForeign) as error:
            self.note(error.message, error.hint)
            return []

    def note(self, message: str, hint: str = "") -> None:
        """Keep a sentence for the person, once."""
        text = f"{message}. {hint}".rstrip(". ")
        if text not in self.notes:
            self.notes.append(text)

    def blob(self, record: ActionRecord) -> Path:
        """Return the bytes of a record. Raises `StoreCorrupt`."""
        return self.store.blobs.ensure(record.digest, record.suffix)

    # -- what every delivery has --------------------------------------------------------------------------

    def clips(self) -> None:
        """Deliver every take that has bytes."""
        for take in self.account.takes:
            if take.file:
                deliver_take(self._out, self.account.record(take.key), take.file)
                self._written.add(take.file)

    def manifest(self) -> None:
        """Write the manifest, last of all: whoever reads it finds what it names."""
        before = committed_manifest(self.account.project)
        if before is not None and before.spec != self.account.project.storyboard.file:
            self._is_shared = True
            self.note(
                f"the output folder also holds what {before.spec} made; nothing of it was removed",
                "keep each storyboard in a folder of its own: there is one manifest in each output folder",
            )
        self.write(MANIFEST, self.account.manifest(before))

    def tidy(self) -> None:
        """Remove files of ours that nothing names any more, and unfinished ones; somebody else's files stay.

        When the manifest that lies there is another storyboard's, the folder is shared and nothing is removed.
        """
        if self._is_shared:
            return
        self._out.remove_leftovers()
        for path in self._out.ours():
            if path not in self._written:
                try:
                    self._out.remove(path)
                except OutputForeign as error:
                    self.note(error.message, error.hint)

    def frames(self) -> list[str]:
        """Deliver the frames that chained shots open on."""
        takes = {(take.node.id, take.selected): take for take in self.account.takes}
        paths = []
        for node, frame in sorted(_chained(self.account)):
            take = takes.get((node, True))
            if take is None or not take.file or take.facts is None:
                continue
            path = f"frames/{Path(take.file).stem}_{frame}.png"
            record = self.account.record(take.key)
            facts = take.facts

            def extract(target: Path, record: ActionRecord = record, frame: str = frame, facts: Any = facts) -> None:
                frames.extract(self.blob(record), frame, facts, target)

            try:
                self.stamped(path, {"frame": frame, "of": record.digest}, extract)
            except MediaError as error:
                self.note(f"{path} was not made: {error.message}", error.hint)
            else:
                paths.append(path)
        return paths

    # -- writing ------------------------------------------------------------------------------------------

    def write(self, path: str, content: bytes) -> None:
        """Put a small file into the folder."""
        self._out.write(path, content)
        self._written.add(path)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths in the output folder that are as they should be."""
        return tuple(sorted(self._written))

    def keep(self, path: str) -> None:
        """Let a file of ours stay that was not made anew, when there is one."""
        if self.has(path):
            self._written.add(path)

    def has(self, path: str) -> bool:
        """Tell whether a file lies in the folder, written now or before."""
        return path in self._written or (self.account.project.out / path).is_file()

    def stamped(self, path: str, what: Mapping[str, Any], make: Callable[[Path], None]) -> None:
        """Make a file unless the one that lies there was made from the very same things."""
        self.stamped_side_by_side({path: (what, make)})

    def stamped_side_by_side(self, files: Mapping[str, tuple[Mapping[str, Any], Callable[[Path], None]]]) -> None:
        """Make several such files at the same time; each maker is called in a thread."""
        missing = {path: (stamp_of(what), make) for path, (what, make) in files.items() if not self._stands(path, what)}
        fresh = {path: self.store.scratch / scratch_name(Path(path).suffix) for path in missing}
        try:
            with _told_when_full(", ".join(missing)), translated("make", ", ".join(missing)):
                if len(missing) == 1:
                    [(path, (_, make))] = missing.items()
                    make(fresh[path])
                elif missing:
                    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="veospec-deliver") as pool:
                        list(pool.map(lambda path: missing[path][1](fresh[path]), missing))
            for path, (stamp, _) in missing.items():
                self._out.place(path, fresh[path])
                self._written.add(path)
                digest = self._out.digest(path)
                if digest is not None:
                    self.store.index.put("made", stamp, digest.encode())
        finally:
            for one in fresh.values():
                one.unlink(missing_ok=True)

    def _stands(self, path: str, what: Mapping[str, Any]) -> bool:
        known = self.store.index.get("made", stamp_of(what))
        if known is None or self._out.digest(path) != known.decode():
            return False
        self._written.add(path)
        return True

    # -- small pictures -----------------------------------------------------------------------------------

    def thumb(self, output: Output, frame: str) -> Path | str:
        """Return a small JPEG of a frame, from the index when it was made before; or the reason why there is none."""
        known = self._shown.get((output.key, frame))
        if known is None:
            try:
                known = self._thumb(output, frame)
            except (MediaError, StoreCorrupt) as error:
                known = error.message
            self._shown[output.key, frame] = known
        return known

    def _thumb(self, output: Output, frame: str) -> Path:
        path = thumb_path(self.store, output.digest, frame)
        if not path.exists():
            record = self.account.record(output.key)
            wanted = (frame, *shown_frames(record.facts, self.account.project.storyboard.deliver.sheet_frames))
            try:
                make_thumbs(self.store, record.digest, record.facts, self.blob(record), wanted)
            except MediaError:
                # Another frame of a damaged file may still be good.
                make_thumbs(self.store, record.digest, record.facts, self.blob(record), (frame,))
        return path

    def poster(self, thumb: Path) -> str:
        """Deliver a small picture beside the pages that show it, and return its path."""
        name = poster_path(thumb)
        if name not in self._written and not self._out.is_as_written(name):
            self.write(name, thumb.read_bytes())
        self._written.add(name)
        return name


@contextmanager
def _told_when_full(names: str) -> Iterator[None]:
    """Say what there was no room for: who makes a film knows only its name in the scratch folder."""
    try:
        yield
    except MediaError as error:
        cause = error.__cause__
        if cause is None or not is_full(cause):
            raise
        number = getattr(cause, "errno", 0)
        raise from_os_error(OSError(number, os.strerror(number)), "make", names) from error


def stamp_of(what: Mapping[str, Any]) -> str:
    """Return the digest of everything that decides a file."""
    return sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _chained(account: Account) -> set[tuple[str, str]]:
    """Return the (clip, frame) pairs that other shots open or close on."""
    found: set[tuple[str, str]] = set()
    for node in account.project.storyboard.nodes:
        for entry in node.request.inputs:
            pictures = entry.source.images if isinstance(entry.source, Character) else (entry.source,)
            found.update((p.node, p.frame) for p in pictures if isinstance(p, NodeSource) and p.frame)
    return found
