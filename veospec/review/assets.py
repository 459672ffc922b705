"""The page's own files, read from the package. The one place of this room that touches a disk."""

from __future__ import annotations

from functools import cache
from importlib import resources

from msgspec import Struct


class Assets(Struct, frozen=True):
    """The shell, the looks and the behaviour of the review page, as text."""

    html: str
    css: str
    js: str


@cache
def load_assets() -> Assets:
    """Return the assets that were shipped with the program; the script's parts share one scope, in their order."""
    folder = resources.files("veospec.review") / "assets"
    html, css = ((folder / f"page.{kind}").read_text("utf-8") for kind in ("html", "css"))
    parts = sorted((part for part in folder.iterdir() if part.name.endswith(".js")), key=lambda part: part.name)
    script = "\n".join(part.read_text("utf-8") for part in parts)
    return Assets(html, css, f"'use strict';\n(() => {{\n{script}}})();\n")
