"""Which cookies requests carry, by what servers have set before."""

import pytest

from replayd.live import jar as jars
from replayd.live.jar import Done, Jar, Pair, Where
from replayd.model.outcome import LiveValue

NOW = 1_700_000_000.0
HERE = Where("a.test", b"/", True)


class Told:
    """A jar that is told of answers from one place."""

    def __init__(self) -> None:
        self.jar = Jar()

    def answer(
        self, *answered: bytes, recorded: tuple[bytes, ...] = (), carried: tuple[Pair, ...] = ()
    ) -> list[LiveValue]:
        return self.jar.learn(HERE, carried, recorded, answered, NOW)

    def carried(self, *pairs: Pair, where: Where = HERE, now: float = NOW) -> list[Pair]:
        """What a request carries that was captured with these."""
        values, added, _ = self.jar.carried(pairs, where, now)
        kept = zip(pairs, values, strict=True)
        return [(name, value) for (name, _), value in kept if value is not None] + added


@pytest.fixture
def told() -> Told:
    return Told()


def test_an_empty_jar_changes_nothing(told: Told) -> None:
    assert told.jar.carried([(b"a", b"1")], HERE, NOW) == ([b"1"], [], [])


def test_a_cookie_stands_for_the_recorded_one(told: Told) -> None:
    assert told.answer(b"sid=new", recorded=(b"sid=old",)) == [
        LiveValue("cookie:sid", b"old", b"new")
    ]
    assert told.jar.carried([(b"x", b"1"), (b"sid", b"old")], HERE, NOW) == (
        [b"1", b"new"],
        [],
        [(b"sid", Done.REPLACED)],
    )


def test_users_are_told_apart_by_what_was_recorded(told: Told) -> None:
    told.answer(b"sid=new1", recorded=(b"sid=old1",))
    told.answer(b"sid=new2", recorded=(b"sid=old2",))
    assert told.carried((b"sid", b"old1")) == [(b"sid", b"new1")]
    assert told.carried((b"sid", b"old2")) == [(b"sid", b"new2")]
    assert told.carried((b"sid", b"its own")) == [(b"sid", b"its own")]
    assert told.carried() == [], "who carried none was not logged in"


def test_a_cookie_from_before_the_capture(told: Told) -> None:
    told.answer(b"sid=new", carried=((b"sid", b"old"),))
    assert told.carried((b"sid", b"old")) == [(b"sid", b"new")]


def test_without_recorded_answers_it_is_a_browsers_jar(told: Told) -> None:
    told.answer(b"sid=new", b"lb=1; Path=/x", b"sub=1; Domain=b.test")
    assert told.carried((b"sid", b"any")) == [(b"sid", b"new")]
    assert told.carried() == [(b"sid", b"new")]
    deeper = HERE._replace(path=b"/x/y")
    assert told.carried(where=deeper) == [(b"lb", b"1"), (b"sid", b"new")]
    assert told.carried(where=HERE._replace(host="c.test")) == []


def test_longer_paths_come_first(told: Told) -> None:
    told.answer(b"a=root; Path=/", b"a=deep; Path=/x")
    assert told.carried((b"a", b"?"), where=HERE._replace(path=b"/x")) == [(b"a", b"deep")]
    assert told.carried((b"a", b"?")) == [(b"a", b"root")]


def test_a_new_one_stands_for_all_that_the_client_had(told: Told) -> None:
    told.answer(b"sid=new1", recorded=(b"sid=old1",))
    told.answer(b"sid=new2", carried=((b"sid", b"old1"),))
    assert told.carried((b"sid", b"old1")) == [(b"sid", b"new2")]


def test_one_that_only_the_recorded_server_set_anew(told: Told) -> None:
    told.answer(b"sid=new", recorded=(b"sid=old1",))
    learnt = told.answer(recorded=(b"sid=old2",), carried=((b"sid", b"old1"),))
    assert learnt == [LiveValue("cookie:sid", b"old2", b"new")]
    assert told.carried((b"sid", b"old2")) == [(b"sid", b"new")]


def test_one_that_only_the_recorded_server_ever_set(told: Told) -> None:
    assert told.answer(recorded=(b"ad=old",)) == [LiveValue("cookie:ad", b"old", b"")]
    assert told.carried((b"ad", b"old")) == [(b"ad", b"old")]


def test_what_is_deleted_goes(told: Told) -> None:
    told.answer(b"sid=new", b"lb=1", recorded=(b"sid=old",))
    assert told.answer(b"sid=; Max-Age=0", b"lb=; Max-Age=0", carried=((b"sid", b"old"),)) == [
        LiveValue("cookie:sid", b"old", b""),
        LiveValue("cookie:lb", b"", b""),
    ]
    assert told.jar.carried([(b"sid", b"old")], HERE, NOW) == (
        [None],
        [],
        [(b"sid", Done.REMOVED)],
    )
    told.answer(recorded=(b"sid=old2",), carried=((b"sid", b"old"),))
    assert told.carried((b"sid", b"old2")) == []


def test_what_has_expired_goes(told: Told) -> None:
    told.answer(b"sid=new; Max-Age=60", b"lb=1; Max-Age=60", recorded=(b"sid=old",))
    assert told.carried((b"sid", b"old"), now=NOW + 59) == [(b"sid", b"new"), (b"lb", b"1")]
    assert told.carried((b"sid", b"old"), now=NOW + 60) == []


def test_there_is_an_end_to_cookies(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "MAX_COOKIES", 2)
    for number in range(4):
        told.answer(b"c%d=new" % number, carried=((b"c%d" % number, b"old"),))
    told.answer(b"c3=other")
    assert told.carried() == [(b"c2", b"new"), (b"c3", b"other")]
    assert told.carried((b"c1", b"old"), (b"c2", b"old"), (b"c3", b"old")) == [
        (b"c1", b"old"),
        (b"c2", b"new"),
        (b"c3", b"new"),
    ]
    assert told.jar.size < 60
