"""`veospec emulator` as it is typed: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from emulator_client import Flow

from veospec.cli.boundary import run
from veospec.emulator.options import AccountOption, Options
from veospec.emulator.serve import Address, running


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--host", "0.0.0.0"], "on loopback only"),
        (["--account", "nobody"], "'nobody' is not an account"),
        (["--account", "a@b.de:gold"], "plans: free, plus, pro, ultra-100"),
        (["--account", "a@b.de", "--account", "A@b.de"], "given twice"),
        (["--job-seconds", "nan"], "0 to 2,592,000 seconds"),
        (["--table", "july"], "'june', 'november'"),
        (["--token", "secret"], "user:<digits>-<suffix>"),
        (["--faults", "none.yaml"], "the fault script none.yaml cannot be read"),
        (["--faults", "bad.yaml"], "bad.yaml:2:10: no fault 'explode'"),
        (["--state", "bad.yaml"], "is a file"),
    ],
)
def test_a_bad_command_line_is_told_and_nothing_is_served(
    arguments: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("- call: videos\n  fault: explode\n")
    assert run(["emulator", *arguments]) == 2
    told = capsys.readouterr()
    assert (told.out, text in told.err) == ("", True), told.err


def test_a_busy_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["emulator", "--port", str(port)]) == 2
    assert f"the emulator cannot use port {port}: Address already in use\n  use --port 0" in capsys.readouterr().err


def test_the_form_of_fault_scripts_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["emulator", "--faults-help"]) == 0
    assert "cut-after-accept" in capsys.readouterr().out


def test_the_printed_line_is_safe_for_a_shell() -> None:
    accounts = (AccountOption("o'hara;date@example.com"), AccountOption("b@example.com"))
    line = Address("::1", 80, "user:7-$(date)`", tuple(account.email for account in accounts)).export_line
    script = f'{line}; printf \'%s\\n\' "$USEAPI_TOKEN" "$USEAPI_EMAIL" "$USEAPI_BASE_URL"'
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=20).stdout
    assert told.splitlines() == [
        "user:7-$(date)`",
        "o'hara;date@example.com,b@example.com",
        "http://[::1]:80/v1/google-flow",
    ]


def test_ctrl_c_ends_it_without_a_traceback_and_cuts_who_still_waits() -> None:
    command = [sys.executable, "-m", "veospec", "emulator", "--job-seconds", "60", "--media", "small"]
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        assert process.stdout
        where = urlsplit(process.stdout.readline().strip().rpartition("=")[2])
        waiting, asking = (
            stack.enter_context(closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)))
            for _ in range(2)
        )
        headers = {"Authorization": "Bearer user:7-x", "User-Agent": "t", "Content-Type": "application/json"}
        waiting.request("POST", f"{where.path}/videos", json.dumps({"prompt": "x"}), headers)
        charges: list[object] = []
        while not charges:  # until the job is there
            asking.request("GET", "/_emulator/ledger")
            charges = json.loads(asking.getresponse().read())["charges"]
        process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionError):
            waiting.getresponse()
        rest, said = process.communicate(timeout=30)
    assert (process.returncode, rest, said.strip()) == (130, "", "interrupted")


def test_the_server_says_so_when_it_has_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    from veospec.emulator.desk import Desk

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    with running(Options(media="small")) as address, Flow(address) as flow:
        monkeypatch.setattr(Desk, "connected", broken)
        answer = flow.get("/accounts")
        assert (answer.status_code, "a bug in the emulator" in answer.json()["error"]) == (500, True)
        monkeypatch.undo()
        assert flow.get("/accounts").status_code == 200
