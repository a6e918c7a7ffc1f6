"""The tests mirror the source: each module has its test file, at the place one looks for."""

import re
from pathlib import Path

import pytest

from tests.support.programs import ROOT

MIRRORS = {"replayd": "tests", "clients/flowreplay_client": "tests/clients/flowreplay_client"}
MIRRORS["clients/replayctl"] = "tests/clients/replayctl"
MIRRORS["benchmarks"] = "tests/benchmarks"
MIRRORS["tools/chaos"] = "tests/tools/chaos"
MIRRORS["tools/corrupt"] = "tests/tools/corrupt"
MIRRORS["tools/disks"] = "tests/tools/disks"
MIRRORS["tools/drain"] = "tests/tools/drain"
MIRRORS["tools/fidelity"] = "tests/tools/fidelity"
MIRRORS["tools/fuzz"] = "tests/tools/fuzz"
MIRRORS["tools/soak"] = "tests/tools/soak"
MIRRORS["tools/watchers"] = "tests/tools/watchers"
MIRRORS["tools/locks"] = "tests/tools/locks"
OWN = {"contract", "data", "docs", "support", "system"}
"""Folders of tests that mirror no source."""

ELSEWHERE = {
    # Plain data, checked where it is compared or used.
    "replayd/config.py": "tests/test_cli.py",
    "replayd/errors.py": "tests/formats",
    "replayd/model/batch.py": "tests/journal/test_control.py",
    "replayd/hooks/words.py": "tests/hooks/test_chain.py",
    "replayd/model/comparison.py": "tests/contract/test_words.py",
    "replayd/model/event.py": "tests/contract/test_words.py",
    "replayd/model/pace.py": "tests/codec/test_pace.py",
    "replayd/model/outcome.py": "tests/codec/test_event.py",
    "replayd/model/target_state.py": "tests/replay/test_governor.py",
    "replayd/reasons.py": "tests/contract/test_words.py",
    "replayd/rpc/edited.py": "tests/rpc/test_replay.py",
    # What only means something with a process, or a server, around it.
    "clients/flowreplay_client/hook_run.py": "tests/system/test_hooks.py",
    "clients/flowreplay_client/aio/hook_run.py": "tests/system/test_hooks.py",
    "replayd/rpc/hook.py": "tests/rpc/test_hooking.py",
    "replayd/rpc/hook_messages.py": "tests/rpc/test_hooking.py",
    "benchmarks/costs.py": "tests/system/test_bench.py",
    "benchmarks/enqueues.py": "tests/system/test_bench.py",
    "benchmarks/exchanges.py": "tests/system/test_large.py",
    "benchmarks/in_flight.py": "tests/system/test_in_flight.py",
    "benchmarks/hooked.py": "tests/system/test_bench.py",
    "benchmarks/inside.py": "tests/system/test_bench.py",
    "benchmarks/large.py": "tests/system/test_large.py",
    "benchmarks/large_captures.py": "tests/system/test_large.py",
    "benchmarks/long_log.py": "tests/system/test_bench.py",
    "benchmarks/memory.py": "tests/system/test_large.py",
    "benchmarks/targets.py": "tests/system/test_bench.py",
    "replayd/comparer/frames.py": "tests/comparer/test_process.py",
    "replayd/comparer/worker.py": "tests/comparer/test_process.py",
    "clients/flowreplay_client/aio/stream.py": "tests/clients/flowreplay_client/aio/test_export.py",
    "replayd/formats/mitmproxy_roles.py": "tests/formats/test_mitmproxy_alike.py",
    "replayd/intake/worker.py": "tests/intake/test_pool.py",
    "replayd/replay/standing.py": "tests/replay/test_connecting.py",
    "replayd/replay/surroundings.py": "tests/replay/test_exchange.py",
    "replayd/replay/underway.py": "tests/replay/test_exchange.py",
    "replayd/replay/transfer.py": "tests/replay/test_http1.py",
    "replayd/replay/transfers.py": "tests/replay/test_exchange.py",
    "replayd/rpc/contents.py": "tests/rpc/test_watch.py",
    "replayd/rpc/convert.py": "tests/rpc/test_service.py",
    "replayd/rpc/reflection.py": "tests/rpc/test_service.py",
    "replayd/rpc/status.py": "tests/rpc/test_service.py",
    "replayd/wire/http2_events.py": "tests/wire/test_http2.py",
    "replayd/wire/websocket_extension.py": "tests/wire/test_websocket.py",
    "replayd/wire/sending.py": "tests/wire/test_multiplex.py",
    "replayd/wire/stream.py": "tests/wire/test_multiplex.py",
    "tools/chaos/audit.py": "tests/system/test_make_chaos.py",
    "tools/chaos/books.py": "tests/system/test_make_chaos.py",
    "tools/chaos/caller.py": "tests/system/test_make_chaos.py",
    "tools/chaos/client.py": "tests/system/test_make_chaos.py",
    "tools/chaos/control.py": "tests/system/test_make_chaos.py",
    "tools/chaos/crew.py": "tests/system/test_make_chaos.py",
    "tools/chaos/daemon.py": "tests/system/test_make_chaos.py",
    "tools/chaos/enqueuing.py": "tests/system/test_make_chaos.py",
    "tools/chaos/hooker.py": "tests/system/test_make_chaos.py",
    "tools/chaos/launch.py": "tests/system/test_make_chaos.py",
    "tools/chaos/mistakes.py": "tests/tools/chaos/test_bugs.py",
    "tools/chaos/once_more.py": "tests/system/test_make_chaos.py",
    "tools/chaos/replays.py": "tests/tools/chaos/test_log.py",
    "tools/chaos/rounds.py": "tests/system/test_make_chaos.py",
    "tools/chaos/steering.py": "tests/system/test_make_chaos.py",
    "tools/chaos/watcher.py": "tests/system/test_make_chaos.py",
    "tools/chaos/world.py": "tests/system/test_make_chaos.py",
    "tools/drain/process.py": "tests/system/test_make_drain.py",
    "tools/drain/runs.py": "tests/system/test_make_drain.py",
    "tools/drain/watcher.py": "tests/system/test_make_drain.py",
    "tools/disks/boots.py": "tests/system/test_make_disks.py",
    "tools/disks/diskfull.py": "tests/system/test_make_disks.py",
    "tools/disks/ledgers.py": "tests/tools/disks/test_ioerrors.py",
    "tools/disks/loops.py": "tests/system/test_make_disks.py",
    "tools/disks/powercut.py": "tests/system/test_make_disks.py",
    "tools/disks/tmpfs.py": "tests/system/test_make_disks.py",
    "tools/fidelity/addon.py": "tests/system/test_make_fidelity.py",
    "tools/fidelity/ours.py": "tests/system/test_fidelity.py",
    "tools/fidelity/theirs.py": "tests/system/test_make_fidelity.py",
    "tools/fuzz/guided.py": "tests/system/test_make_fuzz.py",
    "tools/soak/load.py": "tests/system/test_make_soak.py",
    "tools/soak/sampling.py": "tests/system/test_make_soak.py",
    "tools/soak/watching.py": "tests/system/test_make_soak.py",
    "tools/watchers/crowd.py": "tests/system/test_make_watchers.py",
    "tools/watchers/resumes.py": "tests/system/test_make_resumes.py",
    "tools/locks/table.py": "tests/tools/locks/test_check.py",
}
"""Modules without a test file of their own, and where they are tested."""


def sources(folder: Path) -> set[Path]:
    """Modules in a folder, relative to it."""
    found = {path.relative_to(folder) for path in folder.rglob("*.py")}
    return {path for path in found if path.name not in ("__init__.py", "__main__.py")}


def expected(test: Path) -> Path:
    """The module that a test file is about."""
    return test.with_name(test.name.removeprefix("test_"))


@pytest.mark.parametrize("source", MIRRORS)
def test_each_module_has_its_test_file(source: str) -> None:
    tests = ROOT / MIRRORS[source]
    wanted = {path: tests / path.with_name(f"test_{path.name}") for path in sources(ROOT / source)}
    missing = {f"{source}/{path}" for path, test in wanted.items() if not test.exists()}
    assert missing == {name for name in ELSEWHERE if name.startswith(f"{source}/")}


def test_each_test_file_is_about_a_module() -> None:
    homes = {ROOT / tests: ROOT / source for source, tests in MIRRORS.items()}
    for test in (ROOT / "tests").rglob("test_*.py"):
        parts = test.relative_to(ROOT / "tests").parts
        if parts[0] in OWN or test == Path(__file__):
            continue
        home = max(
            (home for home in homes if test.is_relative_to(home)), key=lambda x: len(x.parts)
        )
        module = homes[home] / expected(test.relative_to(home))
        package = module.with_suffix("")
        assert module.exists() or package.is_dir(), f"{test}: there is no {module}"


def test_what_is_tested_elsewhere_is_there() -> None:
    assert all((ROOT / tests).exists() for tests in ELSEWHERE.values())


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_the_map_of_the_daemon_has_every_part_of_it() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    names = {each.name for each in (ROOT / "replayd").iterdir() if not each.name.startswith("_")}
    names.discard("py.typed")
    assert {name for name in names if not re.search(rf"[`/]{re.escape(name)}`", text)} == set()
