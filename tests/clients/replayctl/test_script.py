"""A script is read, and read again when it has changed."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from flowreplay.v1 import hook_pb2
from flowreplay_client import HookFlow
from replayctl.script import Script, ScriptError

MARKS = "def request(flow): flow.request.method = '{}'\n"


def flow(point: hook_pb2.HookPoint.ValueType = hook_pb2.HOOK_POINT_REQUEST) -> HookFlow:
    return HookFlow(hook_pb2.HookCall(point=point), (b"", b""))


def script(folder: Path, text: str) -> Script:
    (folder / "s.py").write_text(text)
    return Script(folder / "s.py", "s", {})


def change(folder: Path, text: str) -> None:
    (folder / "s.py").write_text(text)
    # Whatever the clock's steps.
    os.utime(folder / "s.py", ns=(1, len(text)))


def marked(found: Script) -> str:
    asked = flow()
    found.hook.ask(asked)
    return asked.request.method


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_its_functions_are_the_hooks(tmp_path: Path) -> None:
    found = script(tmp_path, MARKS.format("A") + "error = None\nresponse = print\n")
    assert list(found.hook.functions) == ["request", "response"]
    assert marked(found) == "A"


def test_an_asynchronous_function_is_to_be_awaited(tmp_path: Path) -> None:
    found = script(tmp_path, f"async {MARKS.format('A')}")
    asked = flow()
    awaited = found.hook.ask(asked)
    assert awaited is not None

    async def wait() -> None:
        await awaited

    asyncio.run(wait())
    assert asked.request.method == "A"


def test_it_is_read_again_when_it_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = script(tmp_path, MARKS.format("A"))
    change(tmp_path, MARKS.format("B"))
    assert marked(found) == "B"
    assert "s.py read again" in capsys.readouterr().err


def test_one_that_got_worse_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = script(tmp_path, MARKS.format("A"))
    change(tmp_path, "def request(:")
    assert marked(found) == "A"
    assert "SyntaxError" in capsys.readouterr().err
    (tmp_path / "s.py").unlink()
    assert marked(found) == "A"


@pytest.mark.parametrize("start", ["", "async "])
def test_one_that_exits_ends_nothing(tmp_path: Path, start: str) -> None:
    found = script(tmp_path, f"import sys\n{start}def request(flow): sys.exit(3)\n")

    async def ask() -> None:
        awaited = found.hook.ask(flow())
        if awaited is not None:
            await awaited

    with pytest.raises(ScriptError, match=r"called sys.exit\(3\)"):
        asyncio.run(ask())
    with pytest.raises(ScriptError, match=r"called sys.exit\(None\)"):
        script(tmp_path, "import sys; sys.exit()")


def test_other_points_are_told(tmp_path: Path) -> None:
    found = script(tmp_path, MARKS.format("A"))

    async def follow() -> None:
        change(tmp_path, "def response(flow): pass\n")
        await found.other_points(0)

    asyncio.run(follow())
    assert list(found.hook.functions) == ["response"]


def test_one_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="ZeroDivisionError"):
        script(tmp_path, "1 / 0")
    with pytest.raises(ScriptError, match="has no function request, response, error"):
        script(tmp_path, "def other(flow): pass")
    with pytest.raises(ValueError, match="is not one of"):
        Script(tmp_path / "s.py", "s", {"on_late": "never"})
