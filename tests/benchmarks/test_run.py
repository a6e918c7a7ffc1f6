from benchmarks.contenders import BARE_LOOP
from benchmarks.run import arguments, contenders


def test_the_full_form_has_five_rounds_and_a_million_flows() -> None:
    read = arguments([])
    assert (read.rounds, read.flows, read.depth, read.log_gib) == (5, 10_000, 1_000_000, 0)


def test_the_quick_form_has_one_round_and_no_long_queue() -> None:
    read = arguments(["--quick"])
    assert (read.rounds, read.flows, read.depth) == (1, 1000, 0)


def test_what_is_asked_for_wins() -> None:
    read = arguments(["--quick", "--rounds=3", "--depth=100", "--json"])
    assert (read.rounds, read.flows, read.depth, read.json) == (3, 1000, 100, True)


def test_the_bare_loop_is_always_there() -> None:
    assert contenders(peers=False) == {BARE_LOOP}
    assert contenders(peers=True) >= {BARE_LOOP}
