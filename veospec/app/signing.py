"""Who signs a reel, and what it says of its origin.

The signer is the person's own: `VEOSPEC_SIGNER` names a TOML file with `certificate`, `private_key` (both PEM,
relative to that file), and, where wanted, `algorithm` (es256) and `timestamp_url`. A storyboard can only ask for that
signer, by `provenance: {c2pa: "${env:VEOSPEC_SIGNER:-none}"}`; a path of its own is not obeyed, because a storyboard of
a stranger could then sign in the person's name. For the same reason the key does not lie in the project.
"""

from __future__ import annotations

import stat
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from veospec.app.account import Account
from veospec.app.desk import Desk
from veospec.media.credentials import ALGORITHMS, Signer, can_look
from veospec.model import Key
from veospec.review.provenance import COMPOSITE, DRAWN, GENERATED, IPTC_BASE, UNKNOWN, joined_type
from veospec.review.values import CutList

VARIABLE = "VEOSPEC_SIGNER"
_FIELDS = {"certificate", "private_key", "algorithm", "timestamp_url"}
_MAX_BYTES = 1 << 20


class Label(Struct, frozen=True):
    """What a reel says of itself: an IRI or nothing, words to disclose, and the takes in it by name and key."""

    source_type: str
    statement: str
    parts: tuple[tuple[str, Key], ...]


class _UnfitError(Exception):
    """The signer cannot be used; the text says why."""


def label_of(account: Account, cut: CutList) -> Label:
    """Return the origin of a cut: what is not known to be ours or a model's makes it unknown, and nothing is said."""
    outputs = {(o.node, o.take): o for o in account.outputs}
    origins: list[str] = []
    parts: dict[str, Key] = {}
    for event in cut.events:
        output = outputs.get((event.node, event.take))
        if output is None or not event.file:
            origins.append(DRAWN)
            slate = account.slates.get(event.node)
            if slate is not None:
                parts[f"{event.shot} (slate)"] = slate.key
            continue
        origins.append(output.source_type)
        parts[f"{event.shot} T{event.take:02}"] = output.key
    origin = joined_type(origins)
    has_model = any(found in (GENERATED, COMPOSITE) for found in origins)
    statement = account.project.storyboard.deliver.disclose if has_model else ""
    return Label("" if origin == UNKNOWN else IPTC_BASE + origin, statement, tuple(parts.items()))


def signer_of(desk: Desk) -> Signer | None:
    """Return the person's signer when the storyboard asks for one; a note says why it cannot be used."""
    wanted = desk.account.project.storyboard.deliver.c2pa
    if wanted in ("", "none"):
        return None
    if wanted != desk.environment.get(VARIABLE, ""):
        desk.note(
            "reels are not signed: a storyboard does not choose who signs",
            f"write 'c2pa: \"${{env:{VARIABLE}:-none}}\"' and set {VARIABLE} to your signer file",
        )
        return None
    try:
        return _read(Path(wanted).expanduser(), desk.account.project.root)
    except _UnfitError as unfit:
        desk.note(f"reels are not signed: {unfit}", f"see {VARIABLE} in the README")
        return None


def _read(path: Path, project: Path) -> Signer:
    if not can_look():
        raise _UnfitError("the extra is not installed (pip install 'veospec[c2pa]')")
    try:
        told = tomllib.loads(_bytes(path).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _UnfitError(f"the signer file {path} is no TOML") from error
    strange = sorted(told.keys() - _FIELDS)
    if strange or not all(isinstance(value, str) for value in told.values()):
        raise _UnfitError(f"the signer file {path} has {strange[0] if strange else 'a value that is no text'}")
    algorithm = told.get("algorithm", "es256")
    if algorithm not in ALGORITHMS:
        raise _UnfitError(f"the algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    url = told.get("timestamp_url", "")
    if url and not url.startswith(("https://", "http://")):
        raise _UnfitError("timestamp_url is no address")
    key = _file(told, "private_key", path)
    _hold_apart(key, project)
    chain = _bytes(_file(told, "certificate", path))
    return Signer(sha256(chain).hexdigest(), algorithm, chain, _bytes(key), url)


def _file(told: dict[str, Any], field: str, path: Path) -> Path:
    if not told.get(field):
        raise _UnfitError(f"the signer file {path} names no {field}")
    return path.parent / Path(told[field]).expanduser()


def _hold_apart(key: Path, project: Path) -> None:
    """Refuse a key that others can read, or that lies where git and CI see it."""
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise _UnfitError(f"the private key {key} cannot be read: {error.strerror}") from error
    if key.resolve().is_relative_to(project.resolve()):
        raise _UnfitError(f"the private key {key} lies in the project; keep it elsewhere")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _UnfitError(f"others can read the private key {key} (chmod 600)")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _UnfitError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise _UnfitError(f"{path} is too large")
    return content
