"""Clients that know nothing of this project: curl, a loop over a prompts.json, a whole pipeline by urllib."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator_client import png

from veospec.emulator.options import Options
from veospec.emulator.serve import Address, running
from veospec.media import testcard

AGENT = "prompts-loop/1.0"

CURL = r"""
set -euo pipefail
auth=(-sS -H "Authorization: Bearer $USEAPI_TOKEN" -H "Content-Type: application/json")
job=$(curl "${auth[@]}" -X POST "$USEAPI_BASE_URL/videos" \
  -d '{"model":"veo-3.1-fast","prompt":"A paper kite.","duration":4,"async":true}' \
  | sed -E 's/.*"jobid":"([^"]+)".*/\1/')
for _ in $(seq 100); do
  record=$(curl "${auth[@]}" "$USEAPI_BASE_URL/jobs/$job")
  case "$record" in *'"status":"completed"'*) break;; *'"status":"failed"'*) exit 3;; esac
  sleep 0.02
done
url=$(printf '%s' "$record" | sed -E 's/.*"videoUrl":"([^"]+)".*/\1/')
curl -sS -f -o clip.mp4 "$url"
"""


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with running(Options(job_seconds=0.05, media="small")) as found:
        yield found


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_curl_submits_polls_and_downloads(address: Address, tmp_path: Path) -> None:
    environment = {**os.environ, **address.environment}
    done = subprocess.run(["bash", "-c", CURL], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert testcard.measure((tmp_path / "clip.mp4").read_bytes()).duration == 4


class Urllib:
    """What a script with nothing but the standard library does."""

    def __init__(self, address: Address) -> None:
        self.base = address.base_url
        self.token = address.token

    def call(self, method: str, path: str, body: Any = None, raw: bytes | None = None, kind: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": AGENT, "Accept": "application/json"}
        content = raw
        if body is not None:
            content, kind = json.dumps(body).encode(), "application/json"
        if kind:
            headers["Content-Type"] = kind
        request = urllib.request.Request(self.base + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait(self, job: str) -> Any:
        for _ in range(500):
            record = self.call("GET", f"/jobs/{job}")
            if record["status"] in ("completed", "failed"):
                return record
            time.sleep(0.02)
        raise AssertionError("never completed")

    def download(self, url: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": AGENT}), timeout=30) as answer:
            content: bytes = answer.read()
            return content


def test_the_default_agent_of_urllib_is_banned(address: Address) -> None:
    request = urllib.request.Request(
        address.base_url + "/accounts", headers={"Authorization": f"Bearer {address.token}"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as answer:
        assert answer.code == 403
        assert b"1010" in answer.read()


def test_a_loop_over_prompts_json(address: Address, tmp_path: Path) -> None:
    (tmp_path / "ref.png").write_bytes(png(5, 320, 180))
    prompts = [
        {"prompt": "A lamp comes on.", "duration": 4, "model": "veo-3.1-lite"},
        {"prompt": "The same lamp, closer.", "startImage": "ref.png", "duration": 6},
        {"prompt": "It goes out.", "startImage": "ref.png", "endImage": "ref.png", "aspectRatio": "portrait"},
        {"prompt": "As in @referenceImage_1.", "referenceImage_1": "ref.png", "model": "omni-flash", "duration": 10},
    ]
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    client = Urllib(address)
    email = next(iter(client.call("GET", "/accounts")))
    uploaded: dict[str, str] = {}
    lengths = []
    for entry in json.loads((tmp_path / "prompts.json").read_text()):
        body = dict(entry)
        for name in ("startImage", "endImage", "referenceImage_1"):
            if name in body:
                path = body[name]
                if path not in uploaded:
                    answer = client.call(
                        "POST",
                        f"/assets/{urllib.parse.quote(email)}",
                        raw=(tmp_path / path).read_bytes(),
                        kind="image/png",
                    )
                    uploaded[path] = answer["mediaGenerationId"]["mediaGenerationId"]
                body[name] = uploaded[path]
        job = client.call("POST", "/videos", {**body, "async": True})["jobid"]
        record = client.wait(job)
        content = client.download(record["response"]["media"][0]["videoUrl"])
        measure = testcard.measure(content)
        assert (measure.height > measure.width) == (body.get("aspectRatio") == "portrait")
        lengths.append(measure.duration)
    assert lengths == [4, 6, 8, 10]


def test_a_pipeline_from_images_to_a_joined_film(address: Address) -> None:
    client = Urllib(address)
    sheets = client.call("POST", "/images", {"prompt": "a presenter, front and side", "count": 2, "aspectRatio": "3:4"})
    pictures = [entry["image"]["generatedImage"]["mediaGenerationId"] for entry in sheets["media"]]
    character = client.call(
        "POST",
        "/characters",
        {"displayName": "Presenter", "imageReference_1": pictures[0], "imageReference_2": pictures[1], "voice": "puck"},
    )["character"]
    still = client.call(
        "POST",
        "/images",
        {
            "prompt": "@character_1 at a desk", "character_1": character, "count": 1, "aspectRatio": "16:9",
            "model": "nano-banana-2",
        },
    )["media"][0]["image"]["generatedImage"]["mediaGenerationId"]  # fmt: skip
    clips = []
    for prompt in ("She looks up.", "She shows the product."):
        body = {"prompt": prompt, "startImage": still, "endImage": still, "model": "veo-3.1-fast"}
        record = client.wait(client.call("POST", "/videos", {**body, "async": True})["jobid"])
        clips.append(record["response"]["media"][0]["mediaGenerationId"])
    larger = []
    for clip in clips:
        answer = client.call(
            "POST", "/videos/upscale", {"mediaGenerationId": clip, "resolution": "1080p", "async": True}
        )
        larger.append(client.wait(answer["jobid"])["response"]["media"][0]["mediaGenerationId"])
    joined = client.call("POST", "/videos/concatenate", {"media": [{"mediaGenerationId": clip} for clip in larger]})
    measure = testcard.measure(base64.b64decode(joined["encodedVideo"]))
    assert (measure.duration, measure.height) == (16, 270)


STARTER = """
import sys
from pathlib import Path
from veospec.emulator.options import Options
from veospec.emulator.serve import serve
serve(Options(job_seconds=0.05, media="small", state=Path(sys.argv[1])))
"""


def test_the_printed_line_is_enough_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    totals = []
    for how in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout
            line = process.stdout.readline()
            values = dict(word.split("=", 1) for word in line.split()[1:])
            assert set(values) == {"USEAPI_TOKEN", "USEAPI_EMAIL", "USEAPI_BASE_URL"}
            where = urllib.parse.urlsplit(values["USEAPI_BASE_URL"])
            client = Urllib(Address(str(where.hostname), int(where.port or 0), values["USEAPI_TOKEN"], ()))
            client.call("POST", "/videos", {"prompt": "x", "async": True, "replyRef": "a"})
            with urllib.request.urlopen(f"http://{where.netloc}/_emulator/ledger", timeout=10) as answer:
                totals.append(json.load(answer)["total_credits"])
        finally:
            process.send_signal(how)
            process.communicate(timeout=20)
    assert totals == [10, 20]
