import threading

from benchmarks.bytecodes import counting
from benchmarks.inside import THREAD
from replayd.codec.wire_format import varint


def in_thread(name: str) -> None:
    def run() -> None:
        for value in range(10):
            varint(value)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()


def test_what_a_replay_thread_does_is_counted_by_part() -> None:
    with counting() as counts:
        in_thread(THREAD)
    bytecodes, calls = counts.by_part()["`replayd/codec`: plan and events"]
    assert calls == 10
    assert bytecodes > calls
    assert counts.by_part()["all"][1] > calls
    assert (
        list(counts.table(10))[4]
        == f"| `replayd/codec`: plan and events | {bytecodes / 10:.0f} | 1.0 |"
    )


def test_what_others_do_is_not_counted() -> None:
    with counting() as counts:
        in_thread("another")
    in_thread(THREAD)
    assert counts.by_part()["all"] == (0, 0)
