"""What peers are asked and what they said: outputs of real runs are in tests/data/peers."""

from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import PEERS, Call, PeerFailed, peer_rate, run
from benchmarks.targets import Target
from benchmarks.workloads import GET_32, POST_32, Workload
from tests.support.programs import ROOT

SAID = ROOT / "tests/data/peers"


def said(name: str) -> str:
    return (SAID / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("ab", 11094.04),
        ("hey", 5186.0848),
        ("wrk", 9637.06),
        ("h2load", 10558.66),
        ("siege", 2961.19),
        ("vegeta", 19800.5),
    ],
)
def test_rates_are_read(name: str, rate: float) -> None:
    assert PEERS[name].rate(said(name)) == rate


@pytest.mark.parametrize(
    ("name", "good", "bad", "why"),
    [
        ("ab", "Failed requests:        0", "Failed requests:        3", "3 requests failed"),
        ("hey", "[200]", "[502]", "not all requests succeeded"),
        ("wrk", "Requests/sec", "  Non-2xx or 3xx responses: 7\nRequests/sec", "Non-2xx.*: 7"),
        ("h2load", "0 failed", "9 failed", "9 requests failed"),
        (
            "siege",
            '"failed_transactions":		           0',
            '"failed_transactions": 2',
            "2 req",
        ),
        ("vegeta", '"success":1', '"success":0.5', "not all requests succeeded"),
    ],
)
def test_failed_requests_make_no_rate(name: str, good: str, bad: str, why: str) -> None:
    assert good in said(name)
    with pytest.raises(PeerFailed, match=why):
        PEERS[name].rate(said(name).replace(good, bad))


@pytest.mark.parametrize("name", PEERS)
def test_other_words_are_shown(name: str) -> None:
    with pytest.raises(PeerFailed, match="Segmentation fault"):
        PEERS[name].rate("Segmentation fault")


def command(name: str, workload: Workload, folder: Path) -> str:
    call = Call(workload, workload.url(8080, 0), 640, folder)
    return " ".join(PEERS[name].command(call))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ab", "-q -k -n 640 -c 32 -H User-Agent:"),
        ("hey", "-n 640 -c 32 -m GET -H User-Agent:"),
        ("wrk", "-t1 -c 32 -d2s -H User-Agent:"),
        ("h2load", "--h1 -t1 -c 32 -n 640 -H User-Agent:"),
        ("siege", "-b -c 32 -r 20 -H User-Agent:"),
    ],
)
def test_load_generators_get_number_slots_and_fields(
    name: str, options: str, tmp_path: Path
) -> None:
    line = command(name, GET_32, tmp_path)
    assert options in line
    assert line.endswith(" http://127.0.0.1:8080/small/0")
    assert line.count(" -H ") == 5


@pytest.mark.parametrize(
    ("name", "option", "file"),
    [("ab", "-p", "content"), ("hey", "-D", "content"), ("h2load", "-d", "content")],
)
def test_what_is_posted_is_in_a_file(name: str, option: str, file: str, tmp_path: Path) -> None:
    assert f" {option} {tmp_path / file} " in command(name, POST_32, tmp_path)
    assert (tmp_path / file).read_bytes() == POST_32.content


def test_wrk_posts_by_a_script(tmp_path: Path) -> None:
    assert f" -s {tmp_path / 'post.lua'} " in command("wrk", POST_32, tmp_path)
    assert (tmp_path / "post.lua").read_text().startswith('wrk.method = "POST"\nwrk.body = "yyy')


def test_siege_keeps_its_connections(tmp_path: Path) -> None:
    assert f"-R {tmp_path / 'siege.conf'} " in command("siege", GET_32, tmp_path)
    assert "connection = keep-alive\n" in (tmp_path / "siege.conf").read_text()


def test_vegeta_attacks_and_then_reports(tmp_path: Path) -> None:
    line = command("vegeta", POST_32, tmp_path)
    assert "-rate=0 -max-workers=32 -connections=32 -duration=2s" in line
    assert f"&& vegeta report -type=json {tmp_path / 'results'}" in line
    targets = (tmp_path / "targets").read_text().splitlines()
    assert targets[0] == "POST http://127.0.0.1:8080/small/0"
    assert targets[-1] == f"@{tmp_path / 'content'}"


def test_an_exit_code_is_a_failure_with_its_words() -> None:
    with pytest.raises(PeerFailed, match="sh ended with 3: no more memory"):
        run(["sh", "-c", "echo no more memory >&2; exit 3"])


def test_a_peer_that_got_no_answer_has_no_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "run", lambda _command: "Requests/sec:      0.00")
    with pytest.raises(PeerFailed, match="no answer"):
        peer_rate("wrk", Target("none", 9, 9, tmp_path), GET_32, 100)
