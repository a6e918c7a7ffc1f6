"""What is known to be slow is forgotten in its turn."""

from replayd.workers.slow import SlowOnes


def test_the_one_that_was_found_first_is_forgotten() -> None:
    slow = SlowOnes(2)
    for name in ("a", "b", "c"):
        assert name not in slow
        slow.add(name)
    assert [name in slow for name in ("a", "b", "c")] == [False, True, True]
