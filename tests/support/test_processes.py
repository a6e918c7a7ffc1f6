"""A process's output is seen as it comes, and its end is noticed."""

import sys

import pytest

from tests.support.processes import Process


def python(code: str) -> Process:
    return Process([sys.executable, "-c", code])


def test_output_is_seen_while_it_runs() -> None:
    process = python("print('ready', flush=True); import threading; threading.Event().wait()")
    try:
        process.wait_for_output(lambda: "ready" in process.stdout, "ready line")
        assert process.running
    finally:
        process.close()
    assert not process.running


def test_an_early_end_fails_the_wait_and_shows_the_output() -> None:
    process = python("import sys; print('broken', file=sys.stderr)")
    try:
        with pytest.raises(AssertionError, match=r"before it ended(.|\n)*err\| broken"):
            process.wait_for_output(lambda: False, "ready line")
        assert process.wait() == 0
    finally:
        process.close()
