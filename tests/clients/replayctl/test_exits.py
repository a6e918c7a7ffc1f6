from replayctl import exits


def test_the_codes_are_those_that_scripts_rely_on() -> None:
    codes = [exits.DONE, exits.REPLAYS_FAILED, exits.USAGE, exits.UNREACHABLE]
    assert [*codes, exits.REFUSED, exits.COMPACTED, exits.INTERRUPTED] == [0, 1, 2, 3, 4, 5, 130]
