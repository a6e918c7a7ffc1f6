from itertools import islice

from flowreplay_client.backoff import FIRST_DELAY, MAX_DELAY, delays


def test_delays_double_up_to_a_limit_and_are_shortened_by_at_most_half() -> None:
    full = [min(FIRST_DELAY * 2**n, MAX_DELAY) for n in range(12)]
    for delay, whole in zip(islice(delays(), 12), full, strict=True):
        assert whole / 2 <= delay <= whole


def test_clients_do_not_come_back_in_step() -> None:
    assert len({next(delays()) for _ in range(20)}) > 1
