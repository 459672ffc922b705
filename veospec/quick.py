"""Answer `plan` and `apply` when nothing has changed, before anything else of the program is imported.

A run that found nothing to do leaves a witness: what it was asked, what it looked at, and what it said. The next run
with the same question says the same again when every single thing is still as it was; else it says nothing, and the
whole way is gone. Invariants:

- A witness is never permission to make, buy, write or remove anything. Its only answer is "nothing to do".
- Spec files are compared byte by byte, everything else by its stat: size, mtime, ctime, inode. A restored mtime moves
  the ctime; what was replaced has another inode.
- It is written only when all of that had been quiet since before the run that it tells of began (git's racy rule), so
  a change during that run, or in the same tick of the clock, leaves no witness. Nor does a folder that was moved: the
  files in it are older than the run.
- Whatever cannot be understood, found or read here is no answer. Folders are opened without following links.
- It is bound to this very installation by stats that nobody else can know, so that a foreign one is never believed.

Source of the rule: git, Documentation/technical/racy-git.txt, 2006; see `veospec.store.memo`.
Why not the index beside it: opening a database costs more than all of this.
"""

from __future__ import annotations

import os
import sys
import time
from zlib import crc32

from veospec import __version__

TYPE_CHECKING = False  # that of `typing` costs more to import than all of this
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Sequence

MAGIC = b"veospec-witness 2\n"
FOLDER = "index/witness"
_STORE = ".veospec"
_STORE_VERSION = b"veospec store 1\n"
DEFAULT_SPEC = "shots.yaml"
_HEAD_BYTES = 128
_MOST_BYTES = 1 << 30
_PIECE_BYTES = 64 << 10
_LINE_BYTES = 1 << 10
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SECTIONS = 9
Stamp = tuple[int, int, int, int]


class NoAnswerError(Exception):
    """Something is not as it was, or cannot be told."""


class Edit:
    """A storyboard's text before and after an edit, when everything else is as it was at the last run.

    `said` is what that run said (stdout, stderr), `note` what it left for this case.
    """

    __slots__ = ("after", "before", "note", "said")

    def __init__(self, before: bytes, after: bytes, said: tuple[str, str], note: bytes) -> None:
        self.before = before
        self.after = after
        self.said = said
        self.note = note


class Question:
    """A command line, with the clock, the program and the project's place as they were before anything was read.

    `was_tried` once a short answer was looked for in vain.
    """

    __slots__ = ("arguments", "began_ns", "edit", "house", "places", "was_tried")

    def __init__(self, arguments: Sequence[str], began_ns: int = 0, edit: Edit | None = None) -> None:
        self.arguments = tuple(arguments)
        self.began_ns = began_ns or time.time_ns()
        self.house = house()
        try:
            self.places = places_of(_spec(self.arguments))
        except (OSError, ValueError, NoAnswerError):
            self.places = []
        self.edit = edit
        self.was_tried = False


def answer(arguments: Sequence[str]) -> int | Edit | None:
    """Print what the last run of this command line printed and return 0; None when that may not be true any more.

    A `plan` of which nothing but the storyboard's own text moved is told as an edit: it is soon planned anew.
    """
    if not _can_print():
        return None
    try:
        spec = _spec(arguments)
        text = os.open(spec, _READ)
        try:
            root = _store(spec, text)
            lease = _leased(root) if arguments[0] == "apply" else -1
            try:
                said = _checked(root, places_of(spec), text, arguments)
            finally:
                if lease >= 0:
                    os.close(lease)
        finally:
            os.close(text)
    except (OSError, ValueError, IndexError, OverflowError, NoAnswerError):
        return None
    return said if isinstance(said, Edit) else _say(*said)


def witness_path(root: str, arguments: Iterable[str]) -> str:
    """Return where the witness of a command line lies in a store."""
    return f"{root}/{FOLDER}/{crc32(chr(0).join(arguments).encode('utf-8', 'surrogateescape')):08x}"


def places_of(spec: str) -> list[str]:
    """Return where a storyboard really lies, and where its folder does and which one it is: a link to the text alone
    has its own inputs.
    """
    folder = os.path.realpath(os.path.dirname(os.path.join(os.getcwd(), spec)))
    seen = os.stat(folder)
    return [os.path.realpath(spec), folder, f"{seen.st_dev} {seen.st_ino}"]


def house() -> str:
    """Return a text that is another one after any change of the program, of Python, or of where they lie.

    Only modules and data are looked at: what Python writes beside them (`__pycache__`) says nothing new.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    stamps = [f"{__version__} {sys.version} {package}"]
    waiting = [package]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        waiting.append(entry.path)
                else:
                    seen = entry.stat()
                    stamps.append(f"{entry.path} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino}")
    return "\n".join(sorted(stamps))


def stamp_of(seen: os.stat_result) -> Stamp:
    """Return what is compared of a file."""
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def folder_stamp(seen: os.stat_result, *, listing: bool) -> Stamp:
    """Return what is compared of a folder: that it is the same one, and with `listing` that its names are the same."""
    return seen.st_dev, seen.st_ino, seen.st_mtime_ns if listing else 0, seen.st_ctime_ns if listing else 0


def pack(
    sections: Sequence[Sequence[str]], stamps: array[int], texts: Sequence[bytes], note: bytes = b""
) -> tuple[bytes | array[int], ...]:
    """Return the pieces of a witness; see `_checked` for the sections. `note` is read again after an edit only."""
    assert len(sections) == _SECTIONS
    strings = "\0".join(text for section in sections for text in section).encode("utf-8", "surrogateescape")
    check = crc32(strings, crc32(stamps))
    counts = [check, len(stamps), len(strings), len(note), crc32(note, crc32(texts[0])), *map(len, sections)]
    head = MAGIC + " ".join(map(str, counts)).encode("ascii")
    return head.ljust(_HEAD_BYTES - 1) + b"\n", stamps, strings, *texts, note


def _can_print() -> bool:
    return (
        sys.stdout is not None
        and sys.stderr is not None
        and (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
        and (sys.stderr.encoding or "").lower() in ("utf-8", "utf8")
    )


def _spec(arguments: Sequence[str]) -> str:
    """Return what seems to be the storyboard. A wrong guess finds no witness, or one of another question."""
    named = [text for text in arguments[1:] if text.endswith((".yaml", ".yml")) and not text.startswith("-")]
    if len(named) > 1:
        raise NoAnswerError
    return named[0] if named else DEFAULT_SPEC


def _store(spec: str, text: int) -> str:
    """Return where the store seems to be, by the rules of `Store.for_project`."""
    project = os.path.dirname(os.path.join(os.getcwd(), spec))
    home = os.environ.get("VEOSPEC_HOME") or _written_store(text) or _STORE
    root = os.path.realpath(os.path.join(project, os.path.expanduser(home)))
    seen = os.lstat(root)
    if seen.st_uid != os.geteuid() or seen.st_mode & 0o170000 != 0o040000:
        raise NoAnswerError
    return root


def _written_store(text: int) -> str:
    """Return what stands behind `store:` at the beginning of a line, if it is a plain word."""
    key = b"\nstore:"
    begin, tail = 0, b""
    while piece := os.pread(text, _PIECE_BYTES, begin):
        begin += len(piece)
        piece = tail + piece
        at = piece.find(key)
        if at >= 0:
            line = os.pread(text, _LINE_BYTES, begin - len(piece) + at + len(key)).partition(b"\n")[0]
            word = line.decode("ascii").strip().strip("\"'")
            plain = word.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
            return word if plain.isalnum() else ""
        tail = piece[-len(key) :]
    return ""


def _content(path: str) -> bytes:
    """Return all bytes of a file that is no link."""
    fd = os.open(path, _READ | os.O_NOFOLLOW)
    try:
        return _whole(fd)
    finally:
        os.close(fd)


def _whole(fd: int) -> bytes:
    length = os.fstat(fd).st_size
    content = os.pread(fd, length + 1, 0)
    if len(content) != length:
        raise NoAnswerError
    return content


def _is_same(text: int, fd: int, begin: int, length: int) -> bool:
    """Return whether the whole text lies there, piece by piece: both of them at once are much to hold."""
    if length < 0 or os.fstat(text).st_size != length:
        return False
    for at in range(0, length, _PIECE_BYTES):
        size = min(_PIECE_BYTES, length - at)
        piece = os.pread(text, size, at)
        if len(piece) != size or piece != os.pread(fd, size, begin + at):
            return False
    return not os.pread(text, 1, length)


def _leased(root: str) -> int:
    """Take the store's lease as every writer does, so that `cache gc` never runs beside; closing gives it back."""
    import fcntl

    fd = os.open(f"{root}/locks/store.lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _checked(root: str, places: Sequence[str], text: int, arguments: Sequence[str]) -> tuple[str, str] | Edit:
    """Return what was said (stdout, stderr) when everything is as it was, or but for the main text. Raises."""
    fd = os.open(witness_path(root, arguments), _READ | os.O_NOFOLLOW)
    try:
        stamps, sections, (n_note, note_check) = _unpacked(fd)
        asked, environ, said, folders, counts, names, absent, hollow, texts = sections
        if asked != [house(), os.getcwd(), root, *places, *arguments] or texts[:1] != places[:1]:
            raise NoAnswerError
        for variable in environ:
            name, is_set, value = variable.partition("=")
            if os.environ.get(name) != (value if is_set else None):
                raise NoAnswerError
        others = [_content(other) for other in texts[1:]]
        begin = os.lseek(fd, 0, os.SEEK_CUR)
        length = os.fstat(fd).st_size - begin - sum(map(len, others)) - n_note
        is_same = _is_same(text, fd, begin, length)
        if length < 0 or (not is_same and arguments[0] != "plan"):
            raise NoAnswerError
        os.lseek(fd, begin + length, os.SEEK_SET)
        if any(os.read(fd, len(other)) != other for other in others):
            raise NoAnswerError
        if _content(f"{root}/version") != _STORE_VERSION:
            raise NoAnswerError
        before, note = (b"", b"") if is_same else (os.pread(fd, length, begin), os.read(fd, n_note))
    finally:
        os.close(fd)
    _same_files(folders, [int(count) for count in counts], names, stamps)
    if any(_size(path) >= 0 for path in absent) or any(_size(path) > 0 for path in hollow):
        raise NoAnswerError
    out, err = said
    if not is_same:
        if crc32(note, crc32(before)) != note_check:
            raise NoAnswerError
        return Edit(before, _whole(text), (out, err), note)
    if not (out + err).replace("\n", "").isprintable():
        raise NoAnswerError
    return out, err


def _size(path: str) -> int:
    """Return the size of what lies there, -1 when there is nothing."""
    try:
        return os.lstat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return -1


def _unpacked(fd: int) -> tuple[memoryview[int], list[list[str]], tuple[int, int]]:
    head = os.read(fd, _HEAD_BYTES)
    if not head.startswith(MAGIC) or len(head) != _HEAD_BYTES:
        raise NoAnswerError
    check, n_stamps, n_strings, n_note, note_check, *counts = map(int, head[len(MAGIC) :].split())
    length = n_stamps * 8 + n_strings
    if len(counts) != _SECTIONS or min(n_stamps, n_strings, n_note, *counts) < 0 or length > _MOST_BYTES:
        raise NoAnswerError
    body = os.read(fd, length)
    if len(body) != length or crc32(body) != check:
        raise NoAnswerError
    stamps = memoryview(body)[: n_stamps * 8].cast("q")
    strings = body[n_stamps * 8 :].decode("utf-8", "surrogateescape").split("\0")
    sections, at = [], 0
    for count in counts:
        sections.append(strings[at : at + count])
        at += count
    if at != len(strings):
        raise NoAnswerError
    return stamps, sections, (n_note, note_check)


def _same_files(folders: Sequence[str], counts: Sequence[int], names: Sequence[str], stamps: memoryview[int]) -> None:
    """Compare every folder and every file in it. `stamps` holds four numbers for each, in the order of the names."""
    if len(stamps) != 4 * (len(folders) + len(names)) or len(counts) != len(folders) or sum(counts) != len(names):
        raise NoAnswerError
    numbers = iter(stamps)
    name = iter(names)
    lstat = os.lstat
    for folder, count in zip(folders, counts, strict=True):
        fd = os.open(folder, _DIRECTORY)
        try:
            wanted = (next(numbers), next(numbers), next(numbers), next(numbers))
            if folder_stamp(os.fstat(fd), listing=wanted[2] != 0) != wanted:
                raise NoAnswerError
            for _ in range(count):
                seen = lstat(next(name), dir_fd=fd)
                if (
                    seen.st_size != next(numbers)
                    or seen.st_mtime_ns != next(numbers)
                    or seen.st_ctime_ns != next(numbers)
                    or seen.st_ino != next(numbers)
                ):
                    raise NoAnswerError
        finally:
            os.close(fd)


def _say(out: str, err: str) -> int | None:
    try:
        sys.stderr.write(err)
        sys.stdout.write(out)
        sys.stdout.flush()
    except OSError:
        return None  # the whole way finds the same, and says what it means
    return 0
