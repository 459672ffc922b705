"""The content policy of our own pages: one inline style and at most one inline script, by their hashes, no network."""

from __future__ import annotations

import base64
import hashlib


def content_policy(style: str, script: str = "") -> str:
    """Return the value of the policy tag for a page that holds exactly these two texts inline.

    `file:` is named beside 'self' because a page opened from disk has no origin of its own.
    Source: W3C, Content Security Policy Level 3, 2026.
    """
    rules = ["default-src 'none'", f"style-src {_hash(style)}"]
    if script:
        rules += [f"script-src {_hash(script)}", "media-src 'self' file:"]
    return "; ".join([*rules, "img-src 'self' file: data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
