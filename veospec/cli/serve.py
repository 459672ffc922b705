"""`emulator`: a double of the Google Flow API on loopback."""

from __future__ import annotations
