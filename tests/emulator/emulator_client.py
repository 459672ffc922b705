"""A plain client of the Flow API for tests, and pictures and clips to send."""

from __future__ import annotations

from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from veospec.emulator.serve import Address
from veospec.media import testcard, testclip
from veospec.media.testcard import Card, Hold

EMAIL = "studio.one@example.com"
HEX = EMAIL.encode().hex()


@cache
def png(seed: int = 1, width: int = 64, height: int = 36) -> bytes:
    return testcard.draw_still(Card(seed), width, height, type="png")


@cache
def clip(seconds: float = 2, seed: int = 1) -> bytes:
    return testclip.encode_clip((Hold(Card(seed), int(seconds * 24)),), 64, 36)


class Flow:
    """Answers are raw `httpx.Response`s; `advance` moves the emulator's clock instead of waiting."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address = address
        self.token = token or address.token
        self._http = httpx.Client(
            base_url=address.base_url,
            headers={"Authorization": f"Bearer {self.token}", "User-Agent": "test/1"},
            timeout=20,
        )
        self._plain = httpx.Client(timeout=20, verify=False)  # no token; loopback needs no certificates
        self._pictures: dict[int, str] = {}

    def __enter__(self) -> Flow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._plain.close()

    def get(self, path: str, **extra: Any) -> httpx.Response:
        return self._http.get(path, **extra)

    def post(self, path: str, body: Any = None, **extra: Any) -> httpx.Response:
        return self._http.post(path, **({"json": body} if body is not None else {}), **extra)

    def delete(self, path: str, body: Any = None) -> httpx.Response:
        return self._http.request("DELETE", path, **({"json": body} if body is not None else {}))

    def admin(self, name: str, body: Any = None) -> Any:
        url = f"{self.address.root}/_emulator/{name}"
        answer = self._plain.post(url, json=body) if body is not None else self._plain.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float) -> None:
        self.admin("clock", {"advance_s": seconds})

    def faults(self, *rules: dict[str, Any]) -> None:
        self.admin("faults", list(rules))

    @property
    def charges(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin("ledger")["charges"]
        return found

    @property
    def total(self) -> int:
        return int(self.admin("ledger")["total_credits"])

    def upload(self, content: bytes, media_type: str = "image/png", email: str = EMAIL) -> str:
        answer = self.post(f"/assets/{quote(email, safe='')}", content=content, headers={"Content-Type": media_type})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["mediaGenerationId"]["mediaGenerationId"])

    def picture(self, seed: int = 1) -> str:
        """Return the id of an uploaded picture; the same seed is uploaded once."""
        if seed not in self._pictures:
            self._pictures[seed] = self.upload(png(seed))
        return self._pictures[seed]

    def still(self, **fields: Any) -> str:
        """Return the id of a generated picture."""
        answer = self.post("/images", {"prompt": "a still", "count": 1, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["media"][0]["image"]["generatedImage"]["mediaGenerationId"])

    def submit(self, path: str = "/videos", **fields: Any) -> str:
        answer = self.post(path, {"prompt": "a clip", "async": True, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["jobid"])

    def job(self, job_id: str) -> httpx.Response:
        return self.get(f"/jobs/{job_id}")

    def finished(self, job_id: str) -> dict[str, Any]:
        """Return the record of a job once it has ended; the clock is moved there."""
        self.advance(3600)
        record: dict[str, Any] = self.job(job_id).json()
        assert record["status"] in ("completed", "failed"), record
        return record

    def made(self, path: str = "/videos", **fields: Any) -> dict[str, Any]:
        """Return the first entry of `media[]` of a new job."""
        record = self.finished(self.submit(path, **fields))
        assert record["status"] == "completed", record
        entry: dict[str, Any] = record["response"]["media"][0]
        return entry

    def larger(self, ref: str) -> str:
        """Return the id of a clip's upscale."""
        answer = self.post("/videos/upscale", {"mediaGenerationId": ref})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["media"][0]["mediaGenerationId"])

    def file(self, url: str, **extra: Any) -> httpx.Response:
        return self._plain.get(url, **extra)
