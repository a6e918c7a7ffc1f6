"""What is made of a profile; a whole one is made in tests/system/test_bench.py."""

import cProfile
import pstats
import threading
from pathlib import Path

import pytest

from benchmarks.inside import THREAD
from benchmarks.profile import Line, functions, modules, profiling

HERE = str(Path(__file__).parents[2] / "replayd/wire/plain.py")
PLAIN, PARSE = (HERE, 7, "read"), ("/usr/lib/python3.11/json/decoder.py", 9, "decode")
SEND = ("~", 0, "<method 'send'>")
ENTRIES = {
    PLAIN: (10, 10, 0.001, 0.006, {}),
    PARSE: (10, 20, 0.002, 0.003, {PLAIN: (10, 20, 0.002, 0.003)}),
    SEND: (30, 30, 0.003, 0.003, {PLAIN: (20, 20, 0.002, 0.002), PARSE: (10, 10, 0.001, 0.001)}),
}


def test_functions_are_told_a_flow_the_costliest_first() -> None:
    send, decode, read = functions(ENTRIES, 10)
    assert send == Line("<method 'send'>", 3, pytest.approx(300), pytest.approx(300))
    assert decode == Line("json/decoder.py:9 decode", 2, pytest.approx(200), pytest.approx(300))
    assert read.name == "replayd/wire/plain.py:7 read"


def test_what_is_written_in_c_counts_for_who_calls_it() -> None:
    expected = [("replayd/wire/plain.py", 300), ("json/decoder.py", 300)]
    assert modules(ENTRIES, 10) == [(name, pytest.approx(own)) for name, own in expected]


def test_only_threads_of_that_name_are_profiled() -> None:
    def one() -> None:
        pass

    def other() -> None:
        pass

    profile = cProfile.Profile()
    with profiling(profile):
        for name, work in (("another", other), (THREAD, one)):
            thread = threading.Thread(target=work, name=name)
            thread.start()
            thread.join()
    names = {code[2] for code in pstats.Stats(profile).stats}  # type: ignore[attr-defined]
    assert "one" in names
    assert "other" not in names
