import pytest

from replayd.access.expiry import ExpiryWarning

DAY = 86400
NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (30 * DAY, ""),
        (30 * DAY - 1, "--tls-cert: the certificate ends in 29 days, on 2023-12-14 22:13 UTC; put"),
        (60, "ends in 0 days, on 2023-11-14 22:14 UTC"),
        (-1, "the certificate has ended on 2023-11-14 22:13 UTC"),
    ],
)
def test_what_ends_soon_is_said(left: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    ExpiryWarning("--tls-cert", lambda: NOW).look(NOW + left)
    assert (said in caplog.text) if said else not caplog.text


def test_it_is_said_once_a_day_of_each(caplog: pytest.LogCaptureFixture) -> None:
    now = [NOW]
    warning = ExpiryWarning("--tls-cert", lambda: now[0])
    for later, expires, lines in ((0, DAY, 1), (9, DAY, 1), (9, 2 * DAY, 2), (DAY, 2 * DAY, 3)):
        now[0] = NOW + later
        warning.look(NOW + expires)
        assert len(caplog.records) == lines
