"""Which function answers which path. Ids in a path are percent-encoded, except a job's, which must not be.

Source: useapi.net Google Flow API v1 reference, endpoint index, June to October 2026.
"""

from __future__ import annotations

from urllib.parse import unquote

from msgspec import Struct

from veospec.emulator import calls_account as account
from veospec.emulator import calls_images as images
from veospec.emulator import calls_library as library
from veospec.emulator import calls_videos as videos
from veospec.emulator import refusals
from veospec.emulator.replies import DOWNLOAD, DOWNLOAD_KINDS
from veospec.emulator.web import Handler

BASE = "/v1/google-flow"

_TABLE: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", "/accounts", "accounts", account.accounts),
    ("POST", "/accounts", "accounts/connect", account.connect),
    ("GET", "/accounts/captcha-providers", "captcha-providers", account.captcha_providers),
    ("POST", "/accounts/captcha-providers", "captcha-providers", account.captcha_providers),
    ("GET", "/accounts/captcha-stats", "captcha-stats", account.captcha_stats),
    ("GET", "/accounts/{}", "account", account.account),
    ("DELETE", "/accounts/{}", "account/delete", account.disconnect),
    ("POST", "/assets", "assets", library.upload),
    ("POST", "/assets/{}", "assets", library.upload),
    ("GET", "/assets/{}", "asset", library.asset),
    ("DELETE", "/assets/{}", "assets/delete", library.delete_assets),
    ("GET", "/assets/projects/{}", "assets/projects", library.projects),
    ("GET", "/assets/media/{}", "assets/media", library.media_list),
    ("POST", "/videos", "videos", videos.videos),
    ("POST", "/videos/extend", "videos/extend", videos.extend),
    ("POST", "/videos/concatenate", "videos/concatenate", videos.concatenate),
    ("POST", "/videos/upscale", "videos/upscale", videos.upscale),
    ("POST", "/videos/gif", "videos/gif", videos.gif),
    ("POST", "/images", "images", images.images),
    ("POST", "/images/upscale", "images/upscale", images.upscale),
    ("GET", "/jobs", "jobs", account.jobs),
    ("GET", "/jobs/{}", "job", account.job),
    ("POST", "/voices", "voices", library.make_voice),
    ("GET", "/voices", "voices/list", library.list_voices),
    ("GET", "/voices/{}", "voice", library.voice),
    ("DELETE", "/voices/{}", "voice/delete", library.delete_voice),
    ("POST", "/characters", "characters", library.make_character),
    ("GET", "/characters", "characters/list", library.list_characters),
    ("GET", "/characters/{}", "character", library.character),
    ("DELETE", "/characters/{}", "character/delete", library.delete_character),
)
_V2 = (
    ("GET", "/v2/account", "v2/account", account.user_account),
    ("POST", "/v2/account", "v2/account", account.user_account),
    ("GET", "/v2/account/stats", "v2/account/stats", account.user_stats),
)
_DOWNLOADS = tuple((method, f"{DOWNLOAD}/{kind}/{{}}") for method in ("GET", "HEAD") for kind in DOWNLOAD_KINDS)
PATHS: tuple[tuple[str, str], ...] = (
    *((method, BASE + path) for method, path, *_ in _TABLE),
    *((method, path) for method, path, *_ in _V2),
    *_DOWNLOADS,
)
"""Every method and path that is answered; `{}` stands for an id."""


class Route(Struct, frozen=True):
    """Where a request goes; `path` is that behind the base, as fault scripts name it."""

    name: str
    handler: Handler
    path: str
    args: tuple[str, ...]
    raw_args: tuple[str, ...]


_ROWS: dict[tuple[str, ...], dict[str, tuple[str, Handler]]] = {}
for _method, _path, _name, _handler in (*((m, BASE + p, n, h) for m, p, n, h in _TABLE), *_V2):
    _ROWS.setdefault(tuple(_path.split("/")[1:]), {})[_method] = (_name, _handler)


def find(method: str, raw_path: str) -> Route:
    """Return the route of a request by its path as it came over the wire.

    Raises:
        Refusal: 404 for a path that does not exist, 405 for a method that it does not have.
    """
    segments = tuple(raw_path.rstrip("/").split("/")[1:])
    exact = _ROWS.get(segments)
    raw_args: tuple[str, ...] = ()
    if exact is None and segments:
        exact = _ROWS.get((*segments[:-1], "{}"))
        raw_args = (segments[-1],)
    if exact is None:
        raise refusals.endpoint_not_found()
    if method not in exact:
        raise refusals.wrong_method(", ".join(sorted(exact)))
    name, handler = exact[method]
    path = raw_path.removeprefix(BASE) or "/"
    return Route(name, handler, path, tuple(unquote(arg) for arg in raw_args), raw_args)
