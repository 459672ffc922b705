"""The reel: real clips and slates in one cut, joined here or by the service, labelled, signed, and never a lost run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from acceptance import Person, film
from flow_studio import studio_of

c2pa = pytest.importorskip("c2pa")

AMBER = (240, 178, 84)
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"

TWO = """\
veospec: 1
project: {title: Two, handles: 6, slate: {leader: 0s, beep: false}}
budget: {max_credits: 500}
defaults: {duration: 8s, model: veo-3.1-fast}
deliver:
  animatic: {size: 180p, ken_burns: false}
  review: none
  contact_sheet: {frames: [first]}
  preview: none
  provenance: {c2pa: "${env:VEOSPEC_SIGNER:-none}", disclose: ai-generated}
reel: {join: local}
shots:
  - {id: A, prompt: A ferry leaves.}
  - {id: B, prompt: She looks out.}
"""
PAID = ("--provider", "flow", "--plan-class", "ultra-200")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with studio_of(monkeypatch) as running:
        yield running


def pixel(path: Path, number: int, place: tuple[float, float]) -> tuple[int, int, int]:
    """Return a pixel of a frame, by its place as parts of width and height."""
    with av.open(str(path)) as box:
        for at, frame in enumerate(box.decode(video=0)):
            if at == number:
                picture = frame.to_image()
                found = picture.getpixel((int(picture.width * place[0]), int(picture.height * place[1])))
                assert isinstance(found, tuple)
                return found[0], found[1], found[2]
    raise AssertionError(f"no frame {number}")


def is_amber(found: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(found, AMBER, strict=True))


def xmp(path: Path) -> str:
    content = path.read_bytes()
    return content[content.find(b"<?xpacket begin") : content.rfind(b"<?xpacket end")].decode()


def test_a_slate_stands_in_for_a_clip_that_is_not_bought_and_says_so(veospec: Person, studio: Any) -> None:
    veospec.write(TWO)
    veospec("apply")
    reel = veospec.folder / "out/reel_16x9.mp4"
    corner = (0.805, 0.085)  # inside the label of a slate, in its panel's upper right
    assert not is_amber(pixel(reel, 30, corner))
    assert IPTC + "digitalCreation" in xmp(reel)
    assert "ai-generated" not in xmp(reel)
    veospec("apply", *PAID, "--only", "A")
    [cut] = veospec.manifest()["cuts"]
    assert [e["missing"] for e in cut["events"]] == ["", "not made yet"]
    assert film(reel).frames == cut["frames"] == 360
    assert not is_amber(pixel(reel, 100, corner))
    assert is_amber(pixel(reel, 200, corner))
    assert IPTC + "compositeWithTrainedAlgorithmicMedia" in xmp(reel)
    assert "ai-generated" in xmp(reel)
    assert studio.sent()["/videos"] == 1


def test_flow_joins_its_own_clips_when_asked_and_what_it_cannot_is_joined_here(veospec: Person, studio: Any) -> None:
    veospec.write(TWO.replace("join: local", "join: flow"))
    reel = veospec.folder / "out/reel_16x9.mp4"
    said = veospec("apply", *PAID).said
    assert "joined here" not in said
    assert studio.posts().count("/videos/concatenate") == 1
    [cut] = veospec.manifest()["cuts"]
    assert film(reel).frames == cut["frames"]
    veospec("reel", *PAID)
    assert studio.posts().count("/videos/concatenate") == 1
    veospec.edit(
        "{id: A, prompt: A ferry leaves.}", "{id: A, prompt: A ferry leaves., transition: {type: fade, frames: 8}}"
    )
    said = veospec("reel", *PAID).said
    assert "A leaves by a fade, and Flow makes plain cuts only" in said
    assert film(reel).frames == veospec.manifest()["cuts"][0]["frames"]
    veospec.edit(", transition: {type: fade, frames: 8}", ", trim: {head: 2f}")
    studio.faults({"call": "concatenate", "number": "every", "fault": "500"})
    said = veospec("reel", *PAID).said
    assert "Flow did not join the reel, so it was joined here" in said
    assert film(reel).frames == veospec.manifest()["cuts"][0]["frames"]
    assert studio.sent()["/videos"] == 2


@pytest.fixture
def signer(tmp_path: Path) -> Path:
    """A person's own certificate, made by their own hand."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    folder = tmp_path / "keys"
    folder.mkdir()
    extension = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    extension += "extendedKeyUsage=critical,emailProtection\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    (folder / "ext").write_text(extension)
    curve = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    root = ["-x509", "-key", "ca.key", "-sha256", "-days", "30", "-subj", "/O=Test/CN=Root", "-out", "ca.pem"]
    bits = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    for command in (
        [*curve, "ca.key"],
        ["req", *root, *bits],
        [*curve, "raw.pem"],
        ["pkcs8", "-topk8", "-nocrypt", "-in", "raw.pem", "-out", "key.pem"],
        ["req", "-new", "-key", "key.pem", "-subj", "/O=Ferry/CN=Ferry", "-out", "csr.pem"],
        ["x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
         "-sha256", "-extfile", "ext", "-out", "leaf.pem"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    (folder / "chain.pem").write_bytes((folder / "leaf.pem").read_bytes() + (folder / "ca.pem").read_bytes())
    (folder / "key.pem").chmod(0o600)
    (folder / "signer.toml").write_text('certificate = "chain.pem"\nprivate_key = "key.pem"\n')
    return folder / "signer.toml"


def read(path: Path) -> Any:
    with c2pa.Reader(path) as reader:
        return reader.get_active_manifest(), reader.get_validation_state()


def test_a_reel_is_signed_with_the_persons_own_certificate(
    veospec: Person, signer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    veospec.write(TWO)
    veospec("apply")
    assert {o["c2pa"] for o in veospec.manifest()["outputs"]} == {"absent"}
    clips = {p: p.read_bytes() for p in (veospec.folder / "out/clips").iterdir()}
    reel = veospec.folder / "out/reel_16x9.mp4"
    assert c2pa.Reader.try_create(reel) is None
    monkeypatch.setenv("VEOSPEC_SIGNER", str(signer))
    assert veospec("reel").err == ""
    told, state = read(reel)
    assert state == "Valid"
    assert told["title"] == "Two"
    assert [i["title"] for i in told["ingredients"]] == ["A T01", "B T01"]
    [actions] = [a["data"]["actions"] for a in told["assertions"] if a["label"].startswith("c2pa.actions")]
    assert [a["action"] for a in actions] == ["c2pa.created", "c2pa.placed", "c2pa.placed"]
    assert actions[0]["digitalSourceType"] == IPTC + "digitalCreation"
    assert film(reel).frames == veospec.manifest()["cuts"][0]["frames"]
    assert {p: p.read_bytes() for p in clips} == clips
    before = reel.read_bytes()
    veospec("reel")
    assert reel.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        ("key in the project", "lies in the project"),
        ("key for all to read", "others can read the private key"),
        ("strange field", "has password"),
        ("no key", "names no private_key"),
        ("broken certificate", "the reel cannot be signed"),
        ("not there", "cannot be read"),
        ("storyboard's own", "a storyboard does not choose who signs"),
    ],
)
def test_a_signer_that_is_not_fit_is_a_note_and_the_reel_is_there(
    veospec: Person, signer: Path, monkeypatch: pytest.MonkeyPatch, spoil: str, expected: str
) -> None:
    veospec.write(TWO)
    monkeypatch.setenv("VEOSPEC_SIGNER", str(signer))
    key = signer.parent / "key.pem"
    if spoil == "key in the project":
        shutil.move(key, veospec.folder / "key.pem")
        signer.write_text(f'certificate = "chain.pem"\nprivate_key = "{veospec.folder / "key.pem"}"\n')
    elif spoil == "key for all to read":
        key.chmod(0o644)
    elif spoil == "strange field":
        signer.write_text('certificate = "chain.pem"\nprivate_key = "key.pem"\npassword = "x"\n')
    elif spoil == "no key":
        signer.write_text('certificate = "chain.pem"\n')
    elif spoil == "broken certificate":
        (signer.parent / "chain.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif spoil == "not there":
        signer.unlink()
    else:
        veospec.edit('"${env:VEOSPEC_SIGNER:-none}"', str(signer))
        monkeypatch.delenv("VEOSPEC_SIGNER")
    said = veospec("apply").said
    assert expected in said
    assert "PRIVATE KEY" not in said
    reel = veospec.folder / "out/reel_16x9.mp4"
    assert film(reel).frames == 360
    assert c2pa.Reader.try_create(reel) is None


def test_credentials_of_files_are_told_and_a_changed_file_is_invalid(
    veospec: Person, signer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from veospec.media.credentials import credentials_state

    veospec.write(TWO)
    monkeypatch.setenv("VEOSPEC_SIGNER", str(signer))
    veospec("apply")
    reel = veospec.folder / "out/reel_16x9.mp4"
    assert credentials_state(reel) == "present"
    changed = bytearray(reel.read_bytes())
    changed[changed.find(b"mdat") + 5000] ^= 1
    (tmp_path / "changed.mp4").write_bytes(changed)
    assert credentials_state(tmp_path / "changed.mp4") == "invalid"
    (tmp_path / "half.mp4").write_bytes(reel.read_bytes()[:3000])
    assert credentials_state(tmp_path / "half.mp4") in ("absent", "invalid")
    (tmp_path / "notes.txt").write_text("x")
    assert credentials_state(tmp_path / "notes.txt") == "unchecked"
