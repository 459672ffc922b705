"""`doctor`: is this machine, this store, this account fit to work. Spends nothing and changes nothing."""

from __future__ import annotations

import asyncio
import platform
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

from veospec import __version__
from veospec.app.caching import store_root
from veospec.app.tables import Answer
from veospec.errors import Exit, VeospecError
from veospec.media.fonts import missing_notice
from veospec.providers.flow import config
from veospec.review.safe import terminal as term
from veospec.run.journal import Journal
from veospec.store.layout import Store

_PACKAGES = ("av", "click", "diskcache", "httpx", "jsonschema", "msgspec", "opentimelineio",
             "pillow", "pyyaml", "rich")  # fmt: skip
_SCRIPTS = {
    "Latin, Greek, Cyrillic": "AΩЖ",
    "Japanese": "日本語かな",
    "Korean": "한글",
    "Arabic": "العربية",
    "Hebrew": "שלום",
}
_MARKS = {"ok": "✓", "note": "·", "bad": "✗"}


class Finding(Struct, frozen=True):
    """One thing that was looked at. `state`: ok, note (works, but), bad."""

    what: str
    state: str
    text: str
    advice: str = ""


def examine(spec: Path, environment: Mapping[str, str], provider: str) -> Answer:
    """Return what was found; exit 8 when the account cannot work, 9 when the store cannot."""
    found = [*_machine(), *_store(spec, environment), *_fonts(), *_secrets(spec, environment)]
    account: list[Finding] = []
    if provider == "flow":
        account = _account(environment)
    code = Exit.DONE
    if any(f.state == "bad" for f in found):
        code = Exit.STORE
    elif any(f.state == "bad" for f in account):
        code = Exit.STOPPED
    lines = []
    for finding in (*found, *account):
        lines.append(f"{_MARKS[finding.state]} {finding.what}: {term(finding.text, 400)}")
        if finding.advice:
            lines.append(f"    {term(finding.advice, 400)}")
    document = {
        "veospec_doctor": 1,
        "findings": [
            {"what": f.what, "state": f.state, "text": f.text, "advice": f.advice} for f in (*found, *account)
        ],
    }
    return Answer(tuple(lines), document, code)


def _machine() -> Iterator[Finding]:
    yield Finding("veospec", "ok", f"{__version__} on Python {platform.python_version()}, {platform.system()}")
    packages = []
    for name in _PACKAGES:
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding("package", "bad", f"{name} is not installed", "install veospec again")
    yield Finding("packages", "ok", ", ".join(packages))
    yield Finding("sqlite", "ok", sqlite3.sqlite_version)
    for extra, name in {"emulator": "starlette", "c2pa": "c2pa-python"}.items():
        try:
            yield Finding(f"extra {extra}", "ok", version(name))
        except PackageNotFoundError:
            yield Finding(f"extra {extra}", "note", "not installed", f"pip install 'veospec[{extra}]' if you need it")


def _store(spec: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    def look() -> Iterator[Finding]:
        root = store_root(spec, environment)
        if not root.exists():
            yield Finding("store", "note", f"{root} is not there yet", "the first apply makes it")
            return
        with Store.open(root, write=False) as store:
            free = store.free_bytes()
            state = "ok" if free > 1_000_000_000 else "note"
            yield Finding("store", state, f"{root}, {free / 1e9:.1f} GB free")
            journal = Journal.read(store.journal_path)
            waiting = [r for r in journal.records if r.is_live]
            yield Finding("journal", "ok", f"{len(journal.records)} paid requests, {len(waiting)} of them open")

    yield from _guarded("store", look)


def _fonts() -> Iterator[Finding]:
    for script, sample in _SCRIPTS.items():
        notice = missing_notice(sample)
        yield Finding(f"font {script}", "note" if notice else "ok", notice or "can be drawn")


def _secrets(spec: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the token stands in a file beside the storyboard, where git could pick it up."""

    def look() -> Iterator[Finding]:
        if not config.has_token(environment):
            yield Finding("token", "note", "none is configured; `local` needs none", "set USEAPI_TOKEN for flow")
            return
        yield Finding("token", "ok", "configured")
        secret = environment.get("USEAPI_TOKEN", "").strip().encode()
        for path in sorted(spec.absolute().parent.glob("*")):
            if secret and path.is_file() and path.stat().st_size < 1_000_000 and secret in path.read_bytes():
                yield Finding("token", "bad", f"it stands in {path}", "remove it there and make a new token")

    yield from _guarded("token", look)


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except VeospecError as error:
        yield Finding(what, "bad", error.message, error.hint)
    except OSError as error:
        yield Finding(what, "bad", str(error.strerror))


def _account(environment: Mapping[str, str]) -> list[Finding]:
    from veospec.app.remoting import account_facts

    try:
        return [
            Finding(what, state, text, advice) for what, state, text, advice in asyncio.run(account_facts(environment))
        ]
    except VeospecError as error:
        return [Finding("account", "bad", error.message, error.hint)]
