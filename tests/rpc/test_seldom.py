"""Log lines that clients can cause come seldom, and the others are counted."""

from replayd.rpc.seldom import LOG_SECONDS, Seldom


def test_one_line_comes_through_at_a_time_and_counts_the_others() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    said = []
    for pause in (0, 0, 0, LOG_SECONDS, LOG_SECONDS, 0):
        now[0] += pause
        said.append(seldom.others())
    assert said == ["", None, None, " (and 2 more since the last such line)", "", None]
