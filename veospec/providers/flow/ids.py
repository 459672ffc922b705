"""The identifiers of the service: which are safe to use, how they go into a path, whose they are.

Pure. Everything here was sent by a server and is judged before it is used.

Source: useapi.net Google Flow API v1 reference, identifiers and `GET /jobs/{jobId}`, June 2026.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_JOB_ID = re.compile(r"(?=[^A-Za-z0-9]*[A-Za-z0-9])[A-Za-z0-9@.:*_+-]{1,512}\Z")
_MEDIA_ID = re.compile(r"[A-Za-z0-9:@.*_+-]{1,512}\Z")
_OWNER = re.compile(r"user:\d{1,20}-email:((?:[0-9a-f]{2}){1,256})-")
_REPEAT = "repeat-images-upscale:"


def is_job_id(text: str) -> bool:
    """Tell whether a text can stand raw in a URL path: it cannot leave `/jobs/`, open a query or a header."""
    return _JOB_ID.match(text) is not None


def is_media_id(text: str) -> bool:
    """Tell whether a text has the letters of a media, character or voice id."""
    return _MEDIA_ID.match(text) is not None


def repeat_id(resolution: str, media_id: str) -> str:
    """Return a handle for an enlarged picture, which has no job: it says how to ask for the same thing again.

    Enlarging a picture is free and the answer carries the file itself, so asking again is all the recovery there is.
    """
    return f"{_REPEAT}{resolution}:{media_id}"


def repeated(job_id: str) -> tuple[str, str]:
    """Return resolution and media id of a `repeat_id`, or two empty texts for the id of a real job."""
    if not job_id.startswith(_REPEAT):
        return "", ""
    resolution, _, media_id = job_id.removeprefix(_REPEAT).partition(":")
    return (resolution, media_id) if resolution in ("2k", "4k") and is_media_id(media_id) else ("", "")


def job_path(job_id: str) -> str:
    """Return the path of a job record; the id stays raw, because the service refuses it percent-encoded.

    Raises: `ValueError` for an id that could reach another path.
    Source: useapi.net Google Flow API v1 reference, GET /jobs/{jobId}; measured August-September 2026.
    """
    if not is_job_id(job_id):
        raise ValueError("not a job id")
    return f"/jobs/{job_id}"


def asset_path(media_id: str) -> str:
    """Return the path that answers a fresh link; this id, unlike that of a job, is percent-encoded."""
    return f"/assets/{quote(media_id, safe='')}"


def upload_path(email: str) -> str:
    """Return the upload path of one account: `?email=` would be ignored without a word."""
    return f"/assets/{quote(email, safe='')}"


def account_path(email: str) -> str:
    """Return the path of one account's record."""
    return f"/accounts/{quote(email, safe='')}"


def owner_of(media_id: str) -> str:
    """Return the e-mail that is written in an id as hex, or nothing when the id has another form."""
    found = _OWNER.match(media_id)
    if found is None:
        return ""
    try:
        return bytes.fromhex(found[1]).decode("utf-8")
    except UnicodeDecodeError:
        return ""


def is_video_id(media_id: str) -> bool:
    """Tell whether an id names a clip."""
    return "-video:" in media_id


def is_image_id(media_id: str) -> bool:
    """Tell whether an id names a picture."""
    return "-image:" in media_id


def same_email(shown: str, email: str) -> bool:
    """Tell whether an e-mail from the service, perhaps masked as `jo***@gmail.com`, may be the given one."""
    shown, email = shown.strip().lower(), email.strip().lower()
    if "***" not in shown:
        return shown == email
    head, _, tail = shown.partition("***")
    return email.startswith(head) and email.endswith(tail) and len(email) >= len(head) + len(tail)


def mask(email: str) -> str:
    """Return an e-mail as the service's own documents print it, for messages and logs."""
    name, at, domain = email.partition("@")
    return f"{name[:2]}***{at}{domain}"
