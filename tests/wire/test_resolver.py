"""Names to addresses: off the thread, cached, checked."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from replayd.errors import WireError
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.wire.resolver import Resolver, literal, system_lookup
from replayd.wire.transport import Address
from tests.support.processes import DEADLINE

SECOND = 1_000_000_000
HOME = Address(socket.AF_INET, ("127.0.0.1", 80))
ABROAD = Address(socket.AF_INET, ("198.51.100.7", 80))
METADATA = Address(socket.AF_INET, ("169.254.169.254", 80))


class Asking:
    """A resolver on a lookup of our own, and the thread that its answers come back to."""

    def __init__(self, found: Sequence[Address] | OSError = (), rules: TargetRules | None = None):
        self.found = found
        self.asked: list[tuple[str, int]] = []
        self.mail: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.answers: list[Sequence[Address] | WireError] = []
        self.resolver = Resolver(
            rules or TargetRules(), self.mail.put, cache_time=30 * SECOND, lookup=self.look_up
        )

    def look_up(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        if isinstance(self.found, OSError):
            raise self.found
        return self.found

    def resolve(self, host: str = "name.example", now: int = 0, **options: bool) -> object:
        return self.resolver.resolve(host, 80, now, self.answers.append, **options)

    def answer(self) -> Sequence[Address] | WireError:
        """The next answer that is posted."""
        self.mail.get(timeout=DEADLINE)()
        return self.answers[-1]

    def close(self) -> None:
        self.resolver.close()


@pytest.fixture
def asking() -> Iterator[Asking]:
    with closing(Asking([HOME])) as made:
        yield made


def test_an_address_is_known_at_once(asking: Asking) -> None:
    assert asking.resolve("127.0.0.1") == [HOME]
    assert asking.resolve("127.1") == [HOME]
    assert asking.resolve("::1") == [Address(socket.AF_INET6, ("::1", 80, 0, 0))]
    assert asking.asked == []


def test_a_name_is_known_later_then_cached(asking: Asking) -> None:
    assert asking.resolve() is None
    assert asking.answer() == [HOME]
    assert asking.resolve(now=30 * SECOND - 1) == [HOME]
    assert asking.resolve(now=30 * SECOND) is None
    assert asking.answer() == [HOME]
    assert asking.asked == [("name.example", 80)] * 2


def test_who_asks_meanwhile_waits_for_the_same_answer(asking: Asking) -> None:
    gate = threading.Event()
    asking.found = [HOME]
    free, asking.resolver._lookup = asking.resolver._lookup, lambda *_: gate.wait() and [HOME]
    assert asking.resolve() is None
    assert asking.resolve() is None
    gate.set()
    asking.answer()
    assert asking.answers == [[HOME], [HOME]]
    assert callable(free)


def test_a_name_that_hangs_holds_up_no_other(asking: Asking) -> None:
    gate = threading.Event()
    asking.resolver._lookup = lambda host, _: (host == "fast" or gate.wait()) and [HOME]
    asking.resolve("slow")
    asking.resolve("fast")
    assert asking.answer() == [HOME]
    gate.set()
    assert asking.answer() == [HOME]


def test_a_name_that_can_not_be_resolved() -> None:
    with closing(Asking(OSError(-2, "Name or service not known"))) as asking:
        asking.resolve()
        error = asking.answer()
        assert isinstance(error, WireError)
        assert error.reason is Reason.NAME_NOT_RESOLVED
        assert error.message.startswith("'name.example' can't be resolved: Name or service not")
        asking.found = [HOME]
        assert asking.resolve() is None  # a failure is not cached


def test_denied_addresses_are_left_out() -> None:
    with closing(Asking([METADATA, HOME])) as asking:
        asking.resolve()
        assert asking.answer() == [HOME]
        assert asking.resolve() == [HOME]


def test_a_name_with_denied_addresses_only() -> None:
    with closing(Asking([METADATA])) as asking:
        asking.resolve()
        error = asking.answer()
        assert isinstance(error, WireError)
        assert error.reason is Reason.TARGET_DENIED
        assert "169.254.169.254" in error.message
        with pytest.raises(WireError):
            asking.resolve()
        with pytest.raises(WireError):
            asking.resolve("169.254.169.254")


def test_what_the_operator_named_is_not_checked() -> None:
    with closing(Asking([ABROAD], TargetRules("loopback"))) as asking:
        asking.resolve(checked=False)
        assert asking.answer() == [ABROAD]
        with pytest.raises(WireError):
            asking.resolve()
        assert asking.resolve(checked=False) == [ABROAD]


def test_the_systems_lookup() -> None:
    assert HOME in system_lookup("localhost", 80)
    with pytest.raises(OSError, match="not a host name"):
        system_lookup("a..b", 80)


def test_literals() -> None:
    assert literal("name.example", 80) is None
    assert literal("fe80::1%eth0", 80) is None
    assert literal("0x7f000001", 80) == [HOME]
