"""The page's own files, read from the package. The one place of this room that touches a disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Assets:
    """The shell, the looks and the behaviour of the review page, as text."""

    html: str
    css: str
    js: str


@cache
def load_assets() -> Assets:
    """Return the assets that were shipped with the program."""
    folder = resources.files("veospec.review") / "assets"
    html, css, js = ((folder / f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    return Assets(html, css, js)
