"""Content Credentials (C2PA): what a file says of its own origin, and our signature in films that we joined.

Files are strangers': nothing is fetched that a file points at, and certificates are not looked up.

Source: C2PA Technical Specification 2.2, 2025: validation states, the actions `c2pa.created` and `c2pa.placed`,
ingredients; c2pa-python 0.38, November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from veospec import __version__
from veospec.errors import MediaError

_OFFLINE = json.dumps({"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}})
_TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")


class Signer(Struct, frozen=True):
    """A certificate chain and its key, both PEM. `name` tells signers apart without holding a secret."""

    name: str
    algorithm: str
    chain: bytes
    private_key: bytes
    timestamp_url: str = ""

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"


class SigningError(MediaError):
    """A film of ours could not be signed; it is as it was."""


def can_look() -> bool:
    """Tell whether the extra `veospec[c2pa]` is installed."""
    return find_spec("c2pa") is not None


def credentials_state(path: Path) -> str:
    """Return `present`, `absent` or `invalid`; `unchecked` when nobody can look or they lie on somebody's server.

    A signer that no list of ours knows is no fault: we keep no list.
    """
    kind = _TYPES.get(path.suffix.lstrip("."))
    if kind is None or not can_look():
        return "unchecked"
    import c2pa

    try:
        with path.open("rb") as file, c2pa.Context.from_json(_OFFLINE) as context:
            reader = c2pa.Reader.try_create(kind, file, context=context)
            if reader is None:
                return "absent"
            with reader:
                return "invalid" if reader.get_validation_state() == "Invalid" else "present"
    except c2pa.C2paError as error:
        return "unchecked" if "RemoteManifest" in type(error).__name__ + str(error) else "invalid"
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read: {error.strerror}") from error


def sign_film(film: Path, signer: Signer, title: str, source_type: str, parts: Sequence[tuple[str, Path]]) -> None:
    """Put a signed manifest into a film of ours: made as `source_type` (an IRI) from `parts`, each named and hashed.

    Raises `SigningError`; the film then stays as it was.
    """
    if not can_look():
        raise SigningError("the reel cannot be signed: the extra is not installed", "pip install 'veospec[c2pa]'")
    import c2pa

    actions: list[dict[str, object]] = [{"action": "c2pa.created", "digitalSourceType": source_type}]
    ids = [f"part-{number}" for number in range(1, len(parts) + 1)]
    actions += [{"action": "c2pa.placed", "parameters": {"ingredientIds": [name]}} for name in ids]
    manifest = {
        "claim_generator_info": [{"name": "veospec", "version": __version__}],
        "title": title,
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    signed = film.with_name(f"{film.name}.signed")
    try:
        info = c2pa.C2paSignerInfo(
            alg=signer.algorithm.encode(),
            sign_cert=signer.chain,
            private_key=signer.private_key,
            ta_url=signer.timestamp_url.encode() or None,
        )
        with c2pa.Context.from_json(_OFFLINE) as context, c2pa.Builder.from_json(manifest, context=context) as builder:
            for name, (label, path) in zip(ids, parts, strict=True):
                about = json.dumps({"title": label, "relationship": "componentOf", "label": name})
                with path.open("rb") as file:
                    builder.add_ingredient(about, _TYPES.get(path.suffix.lstrip("."), "video/mp4"), file)
            with c2pa.Signer.from_info(info) as key, film.open("rb") as source, signed.open("w+b") as target:
                builder.sign(key, "video/mp4", source, target)
        signed.replace(film)
    except c2pa.C2paError as error:
        raise SigningError(f"the reel cannot be signed: {_words(error)}", "check VEOSPEC_SIGNER") from None
    except OSError as error:
        raise SigningError(f"the reel cannot be signed: {error.strerror}") from error
    finally:
        signed.unlink(missing_ok=True)


def _words(error: Exception) -> str:
    """Return the first line of a foreign error, which may quote a file but never the key."""
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
