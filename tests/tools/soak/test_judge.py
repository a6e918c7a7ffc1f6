"""What a soak takes for growth, and what it does not."""

from collections.abc import Callable

import pytest

from tools.soak.judge import MAX_WAL, Limits, Sample, floor, judge, settled, trend

MIB = 1 << 20


def series(
    memory: Callable[[int], float], number: int = 360, **values: Callable[[int], int]
) -> list[Sample]:
    """A sample every ten seconds; `memory` in MiB at each."""
    samples = []
    for index in range(number):
        figures = {"descriptors": 70, "threads": 17, "wal": 4 * MIB, "journal": 64 * MIB}
        figures |= {name: value(index) for name, value in values.items()}
        samples.append(
            Sample(
                seconds=10.0 * index,
                memory=int(memory(index) * MIB),
                children=1,
                queued=0,
                running=0,
                watchers=20,
                latest=index,
                cpu=0.0,
                **figures,
            )
        )
    return samples


def noisy(index: int) -> float:
    """Work in hand adds up to 20 MiB, most of the time."""
    return 80 + index * 7919 % 23


def test_work_in_hand_and_a_warm_up_are_no_growth() -> None:
    samples = series(lambda index: noisy(index) - max(60 - index, 0) / 2)
    assert judge(samples, Limits()) == []
    assert settled(samples)[0].seconds == 900


def test_peaks_that_come_later_are_no_growth() -> None:
    assert (
        judge(series(lambda index: 100 if index > 200 and index % 7 == 0 else 80), Limits()) == []
    )


@pytest.mark.parametrize("hourly", [2, 10, 100])
def test_a_leak_is_found_in_the_noise(hourly: int) -> None:
    samples = series(lambda index: noisy(index) + index * hourly / 360)
    (found,) = judge(samples, Limits())
    assert found.startswith("memory grew by")
    assert trend(settled(samples), "memory").slope / MIB == pytest.approx(hourly, rel=0.2)


def test_a_short_run_may_grow_by_the_whole() -> None:
    samples = series(lambda index: 80 + index / 100, number=80)
    assert judge(samples, Limits()) == []
    assert len(judge(samples, Limits(memory=MIB / 10))) == 1


@pytest.mark.parametrize("name", ["descriptors", "threads"])
def test_what_is_never_given_back_is_found(name: str) -> None:
    samples = series(noisy, **{name: lambda index: 70 + index % 9 + index // 60})
    (found,) = judge(samples, Limits())
    assert found.startswith(f"{name} grew by")
    assert judge(series(noisy, **{name: lambda index: 70 + index % 9}), Limits()) == []


def test_a_log_that_was_too_large_once_is_found() -> None:
    samples = series(noisy, wal=lambda index: MAX_WAL + 1 if index == 3 else MIB)
    assert judge(samples, Limits()) == ["the write-ahead log had 64.0 MiB; 64 are allowed"]


def test_a_retention_that_falls_behind_is_found() -> None:
    (found,) = judge(series(noisy, journal=lambda index: (40 + index) * MIB), Limits())
    assert "retention fell behind" in found
    swelling = series(noisy, journal=lambda index: 200 * MIB if index % 5 else 64 * MIB)
    assert judge(swelling, Limits()) == [], "it goes up and down"


def test_the_floor_of_few_samples_is_each_of_them() -> None:
    assert floor(series(float, number=3), "memory") == [(0, 0), (10, MIB), (20, 2 * MIB)]
