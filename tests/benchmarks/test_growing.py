"""Which points the curves have, and with how many flows; they are measured in tests/system."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import growing
from benchmarks.curves import arguments
from benchmarks.figures import Rate
from benchmarks.growing import CURVES, Point, Sample
from benchmarks.long_log import Measured, Memory
from benchmarks.replays import Run
from benchmarks.targets import Target
from benchmarks.watcher import Seen
from benchmarks.workloads import Workload

RUN = Run(Rate(500.0, 2e-6), Seen(2, 0, 1, 0.1, 0.2, 0.0), 3 << 20)
POINT = Point(2.0, 500.0, 3.0)
NOWHERE = Target("none", 9, 9, Path())


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Workload, int, int]]:
    """Lets nothing be replayed; what would have been."""
    runs: list[tuple[Workload, int, int]] = []

    def replay(_target: Target, workload: Workload, usual: int, watchers: int, warm_up: int) -> Run:
        assert warm_up
        runs.append((workload, workload.count(usual), watchers))
        return RUN

    monkeypatch.setattr(growing, "replay", replay)
    return runs


@pytest.mark.parametrize(
    ("name", "words", "xs"),
    [
        ("body", ["--body-mib=0.02"], [0, 1024, 4096, 16384]),
        ("body", [], [0, *(4**power for power in range(5, 14))]),
        ("concurrency", ["--concurrency=5"], [1, 2, 4]),
        ("watchers", ["--watchers=10"], [0, 1, 3, 10]),
    ],
)
def test_a_curve_goes_as_far_as_asked_and_is_measured_in_turn(
    name: str, words: list[str], xs: list[int], replayed: list[tuple[Workload, int, int]]
) -> None:
    samples = list(CURVES[name].samples(NOWHERE, arguments(["--rounds=2", *words])))
    lines = {sample.line for sample in samples if isinstance(sample, Sample)}
    once = [x for x in xs for _ in lines]
    assert [sample.x for sample in samples if isinstance(sample, Sample)] == once + once
    assert {sample.point for sample in samples if isinstance(sample, Sample)} == {POINT}
    assert len(replayed) == len(samples)


def test_large_contents_and_many_watchers_get_fewer_flows(
    replayed: list[tuple[Workload, int, int]],
) -> None:
    for name in ("body", "watchers"):
        list(CURVES[name].samples(NOWHERE, arguments(["--rounds=1", "--body-mib=16"])))
    bodies = {each.answer: count for each, count, _ in replayed if not each.content}
    assert (bodies["bytes-0"], bodies["bytes-16777216"]) == (5000, 32)
    watched = {watchers: count for _, count, watchers in replayed}
    assert (watched[0], watched[10], watched[30], watched[1000]) == (5000, 5000, 1666, 1000)


def test_a_log_has_a_point_for_each_size_and_notes_on_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def grown(_target: Target, sizes: list[int], *_more: object) -> Iterator[Measured | Memory]:
        for size in (0, 5, *sizes[1:]):
            yield Measured(size + 7, RUN, RUN)
        yield Memory("opened", 2 << 20, {"allocated": 1 << 20})

    monkeypatch.setattr(growing, "growing_log", grown)
    wanted = arguments(["--log-gib=10"])
    *samples, note = CURVES["log"].samples(NOWHERE, wanted)
    assert note == "the daemon opened: 2.0 MiB (allocated 1.0)"
    points = [each for each in samples if isinstance(each, Sample)]
    gib = [each.x / (1 << 30) for each in points if each.line == "on this log"]
    assert gib == pytest.approx([0, 0, 1, 2.5, 5, 10])
