from tools.drain.plan import MOMENTS, plan


def test_a_run_follows_from_the_seed() -> None:
    assert [plan(7, n) for n in range(9)] == [plan(7, n) for n in range(9)]
    assert plan(7, 1) != plan(8, 1)


def test_every_moment_comes() -> None:
    runs = [plan(1, number) for number in range(200)]
    assert {run.moment for run in runs} == set(MOMENTS)
    assert all(0 <= run.after <= 0.25 and 1 <= run.flows < 80 for run in runs)
