"""Where the token may come from, and every way in which a configuration is refused."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from flow_builders import CANARY

from veospec.errors import UsageError
from veospec.providers.flow import config

TOKEN = {"USEAPI_TOKEN": CANARY}


def private(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    folder = tmp_path / "veospec"
    folder.mkdir(exist_ok=True)
    file = folder / "flow.toml"
    file.write_text(text)
    file.chmod(mode)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_the_environment_is_enough() -> None:
    """Token alone: the real service, the account and plan unknown."""
    found = config.load(TOKEN)
    assert (
        found.token.reveal(),
        found.emails,
        found.base_url,
        found.plan_class,
        found.is_loopback,
    ) == (CANARY, (), config.BASE_URL, "", False)


def test_everything_can_be_set() -> None:
    """A comma list of accounts, a double on this machine, the plan."""
    more = {"USEAPI_EMAIL": "a@x.example, b@x.example,a@x.example", "VEOSPEC_PLAN": "pro"}
    found = config.load(TOKEN | more | {"USEAPI_BASE_URL": "http://127.0.0.1:8080/v1/google-flow/"})
    assert (found.emails, found.plan_class) == (("a@x.example", "b@x.example"), "pro")
    assert (found.base_url, found.is_loopback) == ("http://127.0.0.1:8080/v1/google-flow", True)


def test_a_private_file_serves_and_the_environment_wins(tmp_path: Path) -> None:
    """Value by value."""
    text = (
        f'token = "{CANARY}"\nemail = ["a@x.example", "b@x.example"]\nplan = "pro"\ndownload_hosts = ["cdn.example"]\n'
    )
    env = private(tmp_path, text) | {"VEOSPEC_PLAN": "ultra-200"}
    found = config.load(env)
    assert (found.token.reveal(), found.emails, found.plan_class) == (
        CANARY,
        ("a@x.example", "b@x.example"),
        "ultra-200",
    )
    assert "cdn.example" in found.download_hosts
    assert {"token": str(tmp_path / "veospec/flow.toml"), "plan": "VEOSPEC_PLAN"}.items() <= found.sources.items()
    assert config.has_token(env)
    assert config.plan_class(env) == "ultra-200"
    assert not config.has_token({"XDG_CONFIG_HOME": "/nonexistent"})


BAD = [
    ({}, "no token"),
    ({"USEAPI_TOKEN": "user:1 x"}, "spaces"),
    ({"USEAPI_TOKEN": "user:1-x\nHost: evil"}, "line ends"),
    (TOKEN | {"USEAPI_BASE_URL": "http://api.useapi.net/v1"}, "https"),
    (TOKEN | {"USEAPI_BASE_URL": "http://127.0.0.1.evil.example/"}, "https"),
    (TOKEN | {"USEAPI_BASE_URL": "ftp://127.0.0.1/"}, "https"),
    (TOKEN | {"USEAPI_BASE_URL": "https://user:pw@host.example/"}, "address"),
    (TOKEN | {"USEAPI_BASE_URL": "https://host.example/?a=b"}, "address"),
    (TOKEN | {"USEAPI_BASE_URL": "https://[::1"}, "address"),
    (TOKEN | {"USEAPI_BASE_URL": "nonsense"}, "address"),
    (TOKEN | {"USEAPI_EMAIL": "someone"}, "e-mail"),
    (TOKEN | {"USEAPI_EMAIL": "a/b@x.example"}, "e-mail"),
]


@pytest.mark.parametrize(("env", "says"), BAD, ids=[row[1] for row in BAD])
def test_refused(env: dict[str, str], says: str) -> None:
    """With what to set, and without the secret."""
    with pytest.raises(UsageError) as caught:
        config.load(env)
    assert says in caught.value.message
    assert caught.value.hint
    assert "CANARY" not in caught.value.message + caught.value.hint


FILES = [
    (f'token = "{CANARY}"', 0o644, "chmod 600"),
    (f'token = "{CANARY}"', 0o640, "chmod 600"),
    (f'token = "{CANARY}"\ntoken = "{CANARY}"', 0o600, "TOML"),
    (f'token = {CANARY}', 0o600, "TOML"),
    ("token = 7", 0o600, "text"),
    (f'token = "{CANARY}"\nreply_url = "x"', 0o600, "unknown key"),
    (f'token = "{CANARY}"\ndownload_hosts = ["http://x"]', 0o600, "host names"),
    (f'token = "{CANARY}"\n' + "#" * 70_000, 0o600, "large"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mode", "says"), FILES, ids=range(len(FILES)))
def test_a_file_that_cannot_be_trusted(text: str, mode: int, says: str, tmp_path: Path) -> None:
    """Readable by others, not ours, or not what it should be; its content is never quoted."""
    with pytest.raises(UsageError) as caught:
        config.load(private(tmp_path, text, mode))
    assert says in caught.value.message + caught.value.hint
    assert "CANARY" not in f"{caught.value.message}{caught.value.hint}{caught.value.__cause__}"


def test_a_link_or_a_folder_is_not_read(tmp_path: Path) -> None:
    """A planted link could name any file."""
    real = tmp_path / "real.toml"
    real.write_text(f'token = "{CANARY}"')
    real.chmod(0o600)
    (tmp_path / "veospec").mkdir()
    (tmp_path / "veospec/flow.toml").symlink_to(real)
    with pytest.raises(UsageError):
        config.load({"XDG_CONFIG_HOME": str(tmp_path)})
    (tmp_path / "veospec/flow.toml").unlink()
    (tmp_path / "veospec/flow.toml").mkdir()
    with pytest.raises(UsageError):
        config.load({"XDG_CONFIG_HOME": str(tmp_path)})


def test_the_token_cannot_be_printed_or_pickled() -> None:
    """Whatever ends up in a log or a crash report."""
    found = config.load(TOKEN)
    assert "CANARY" not in f"{found!r} {found} {found.token} {found.token!r} {[found.token]}"
    with pytest.raises(TypeError):
        pickle.dumps(found.token)
    with pytest.raises(TypeError):
        copy.deepcopy(found.token)
