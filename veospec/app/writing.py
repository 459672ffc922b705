"""Write the user's own files: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from veospec.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Replace or make a text file in one step, keeping its mode. Raises `UsageError` when it cannot be written."""
    try:
        real = path.resolve() if path.is_symlink() else path
        mode = real.stat().st_mode & 0o777 if real.exists() else 0o644
        descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(mode)
            Path(name).replace(real)
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
