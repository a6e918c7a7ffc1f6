from pathlib import Path

import pytest

from benchmarks import mitmproxy
from benchmarks.peers import PeerFailed


def times(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Says how long mitmproxy takes with each file."""
    monkeypatch.setattr(
        mitmproxy,
        "_spent",
        lambda _program, _option, path: mitmproxy._Spent(seconds[Path(path).name], 0.0),
    )


def test_the_start_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    times(monkeypatch, many=3.0, one=1.0)
    assert mitmproxy.loading_rate("mitmdump", Path("many"), 501, Path("one")) == 250


def test_no_rate_is_made_of_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    times(monkeypatch, many=1.0, one=1.1)
    with pytest.raises(PeerFailed, match="5 flows took mitmproxy no longer than one"):
        mitmproxy.loading_rate("mitmdump", Path("many"), 5, Path("one"))


def test_the_environment_of_make_servers_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mitmproxy, "_OWN", tmp_path / "mitmdump")
    monkeypatch.setenv("PATH", "")
    assert mitmproxy.mitmdump() is None
    (tmp_path / "mitmdump").touch()
    assert mitmproxy.mitmdump() == str(tmp_path / "mitmdump")
