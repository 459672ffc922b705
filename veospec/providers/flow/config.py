"""How the Flow account is configured: from the environment, or from a private file outside the project.

Never from the command line (a token there stands in the process list) and never from a storyboard (whoever
writes one would choose the host that gets the token). The environment comes in as a mapping; the file is the
only thing read here, and only when it is private.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

from msgspec import Struct, field

from veospec.errors import UsageError
from veospec.providers.base import Json

BASE_URL = "https://api.useapi.net/v1/google-flow"

DOWNLOAD_HOSTS = ("flow-content.google", "*.googleusercontent.com", "storage.googleapis.com")
"""Hosts that results may be fetched from; `*.` stands for any name below.

Source: `flow-content.google` from the examples of the useapi.net Google Flow API v1 reference, June 2026. The
other two are where Google serves signed pictures (`fifeUrl`) and signed storage links from; no document of the
service names them, so `download_hosts` in the private file can add to this list.
"""

_MAX_FILE_BYTES = 64 * 1024
_TOKEN = re.compile(r"[!-~]{4,512}\Z")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")
_KEYS = frozenset({"token", "email", "base_url", "plan", "download_hosts"})
_HINT = "set USEAPI_TOKEN and USEAPI_EMAIL, or write them into {file} with mode 0600"


class Token:
    """The secret of useapi.net. It prints as `***`; only the network module reveals it."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a token is not written down")

    def reveal(self) -> str:
        """Return the secret, for the one header that carries it."""
        return self._secret

    def redact(self, text: str) -> str:
        """Return a text of the service without the secret, however it is spelled."""
        for spelling in (
            self._secret,
            quote(self._secret, safe=""),
            quote(self._secret),
            base64.b64encode(self._secret.encode()).decode().rstrip("="),
        ):
            text = text.replace(spelling, "***")
        return text


class FlowConfig(Struct, frozen=True):
    """What the provider needs to know. `emails` empty means: the one account that the service knows.

    `plan_class` empty means: what the account reports. `file` is where the private file lies or would lie.
    """

    token: Token
    emails: tuple[str, ...] = ()
    base_url: str = BASE_URL
    plan_class: str = ""
    download_hosts: tuple[str, ...] = DOWNLOAD_HOSTS
    file: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_loopback(self) -> bool:
        """True when the service is a double on this machine: plain http and loopback downloads are then allowed."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by name or literal address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def config_path(env: Mapping[str, str]) -> Path:
    """Return where the private file lies: `$XDG_CONFIG_HOME/veospec/flow.toml`, below `~/.config` by default."""
    base = env.get("XDG_CONFIG_HOME", "")
    home = Path(base) if base.startswith("/") else Path(env.get("HOME", "") or str(Path.home())) / ".config"
    return home / "veospec" / "flow.toml"


def plan_class(env: Mapping[str, str]) -> str:
    """Return the configured plan class without needing a token, or nothing. Raises `UsageError`."""
    return env.get("VEOSPEC_PLAN", "").strip() or _text(_read_private(config_path(env)), "plan")


def has_token(env: Mapping[str, str]) -> bool:
    """Tell whether a token is configured. Raises `UsageError` for a private file that cannot be trusted."""
    return bool(env.get("USEAPI_TOKEN", "").strip() or _text(_read_private(config_path(env)), "token"))


def load(env: Mapping[str, str]) -> FlowConfig:
    """Return the configuration; the environment wins over the file, value by value.

    Raises: `UsageError` that says what to set.
    """
    path = config_path(env)
    private = _read_private(path)
    unknown = private.keys() - _KEYS
    if unknown:
        raise UsageError(f"{path}: unknown key {min(unknown)!r}", f"known keys: {', '.join(sorted(_KEYS))}")
    names = {"token": "USEAPI_TOKEN", "email": "USEAPI_EMAIL", "base_url": "USEAPI_BASE_URL", "plan": "VEOSPEC_PLAN"}
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for key, variable in names.items():
        values[key] = env.get(variable, "").strip() or _text(private, key)
        if values[key]:
            sources[key] = variable if env.get(variable, "").strip() else str(path)
    if not values["token"]:
        raise UsageError("no token for the Google Flow API", _HINT.format(file=path))
    if not _TOKEN.match(values["token"]):
        raise UsageError(
            f"the token from {sources['token']} has spaces, line ends or letters that no token has",
            "set the whole token as useapi.net shows it, with its leading `user:`",
        )
    return FlowConfig(
        token=Token(values["token"]),
        emails=_emails(values["email"], sources.get("email", "")),
        base_url=_base_url(values["base_url"] or BASE_URL, sources.get("base_url", "")),
        plan_class=values["plan"],
        download_hosts=(*DOWNLOAD_HOSTS, *_hosts(private, path)),
        file=str(path),
        sources=sources,
    )


def _emails(text: str, source: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for email in found:
        if not re.fullmatch(r"[^\s@,/\x00-\x1f]{1,64}@[^\s@,/\x00-\x1f]{1,255}", email):
            raise UsageError(f"{source} holds something that is no e-mail", "give one, or several with commas between")
    return found


def _base_url(text: str, source: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if not host or not plain or port == 0 or not re.fullmatch(r"[!-~]+", text):
        raise UsageError(f"{source} is no usable address", f"the real service is {BASE_URL}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise UsageError(
            f"{source} must begin with https://; the token would be readable on the way",
            "plain http is allowed for 127.0.0.1 and localhost only",
        )
    return text.rstrip("/")


def _hosts(private: Mapping[str, Json], path: Path) -> tuple[str, ...]:
    found = private.get("download_hosts", [])
    if not isinstance(found, list) or not all(isinstance(host, str) and _HOST.match(host) for host in found):
        raise UsageError(
            f"{path}: download_hosts must be a list of host names", 'write ["media.example", "*.cdn.example"]'
        )
    return tuple(found)


def _text(private: Mapping[str, Json], key: str) -> str:
    found = private.get(key, "")
    if isinstance(found, list) and all(isinstance(part, str) for part in found):
        return ",".join(found)
    if not isinstance(found, str):
        raise UsageError(f"the private configuration holds no text under {key!r}", 'write it as key = "text"')
    return found.strip()


def _read_private(path: Path) -> Mapping[str, Json]:
    """Read the file only when it is a regular file of this user that nobody else can read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})", "it must be a regular file of yours") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
            raise UsageError(f"{path} is not a regular file of yours", "move it away and write it again")
        if facts.st_mode & 0o077:
            raise UsageError(f"{path} can be read by others", f"run: chmod 600 {path}")
        if facts.st_size > _MAX_FILE_BYTES:
            raise UsageError(f"{path} is too large", "it holds five short values")
        content = os.read(handle, _MAX_FILE_BYTES)
    finally:
        os.close(handle)
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        # The parser's own words could repeat the token.
        raise UsageError(f"{path} is not a TOML file", 'write lines like token = "user:..."') from None
