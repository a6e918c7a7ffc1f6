"""What responses under way hold in memory: who may go on, who waits, and nobody for ever."""

import random
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from replayd.journal.body import SpoolBody
from replayd.journal.spool import Spool
from replayd.model.plan import Framing, Plan
from replayd.replay.budget import Budget
from replayd.replay.deadlines import NEVER
from replayd.replay.http1 import Http1Transfer
from replayd.wire.plain import PlainReader
from replayd.wire.settings import WireSettings
from tests.support.connections import TARGET, Network
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import Peer, ScriptedServer

MIB = 1 << 20


class Holder:
    """Wants so many bytes, a step at a time."""

    def __init__(self, budget: Budget, wanted: int = 0) -> None:
        self.budget = budget
        self.wanted = wanted
        self.held = 0
        self.told = 0
        self.reads = True

    def read(self, size: int) -> None:
        self.held += size
        self.reads = self.budget.charge(self, self.held)

    def on_room(self) -> None:
        self.told += 1
        self.reads = self.budget.charge(self, self.held)


def made(limit: int = 16, largest: int = 8) -> tuple[Budget, deque[Callable[[], None]]]:
    mail: deque[Callable[[], None]] = deque()
    return Budget(limit, largest, mail.append), mail


def test_the_oldest_never_waits_and_the_others_share() -> None:
    budget, mail = made()  # 8 for the oldest, 4 for what is under way, 4 for the others
    oldest, other, third = (Holder(budget) for _ in range(3))
    oldest.read(8)
    other.read(4)
    assert (oldest.reads, other.reads, budget.tight) == (True, True, False)
    third.read(1)
    assert (third.reads, budget.tight, budget.held) == (False, True, 13)
    oldest.read(8)
    assert oldest.reads
    assert not mail


def test_who_holds_nothing_yet_may_begin() -> None:
    budget, _ = made()
    oldest, other = Holder(budget), Holder(budget)
    oldest.read(1)
    other.read(5)
    assert budget.tight
    assert budget.admits(oldest)
    assert not budget.admits(other)
    assert budget.admits(Holder(budget))


def test_the_end_of_the_oldest_makes_another_the_oldest() -> None:
    budget, mail = made()
    oldest, second, third = (Holder(budget) for _ in range(3))
    oldest.read(1)
    second.read(6)
    third.read(6)
    assert (second.reads, third.reads) == (False, False)
    budget.release(oldest)
    assert len(mail) == 1
    mail.popleft()()
    assert (second.reads, third.reads, third.told) == (True, False, 0)
    budget.release(second)
    mail.popleft()()
    assert (third.reads, budget.held, budget.tight) == (True, 6, False)
    budget.release(third)
    budget.release(third)
    assert budget.held == 0


def test_room_that_others_make_is_told_in_order() -> None:
    budget, mail = made()
    oldest, other, first, second = (Holder(budget) for _ in range(4))
    for holder, size in ((oldest, 1), (other, 4), (first, 1), (second, 1)):
        holder.read(size)
    assert [holder.reads for holder in (other, first, second)] == [True, False, False]
    other.read(-4)
    mail.popleft()()
    assert (first.reads, second.reads) == (True, True)
    assert not mail


@pytest.mark.parametrize("seed", range(20))
def test_never_more_than_the_limit_and_all_get_through(seed: int) -> None:
    """As servers send at random: nobody waits for ever, and the sum stays within the limit."""
    dice = random.Random(seed)
    budget, mail = made(limit=128, largest=32)  # 64 shared, 32 for reads under way
    running = [Holder(budget, dice.randint(1, 32)) for _ in range(20)]
    highest = steps = 0
    while running:
        steps += 1
        assert steps < 10_000, "somebody waits for ever"
        while mail:
            mail.popleft()()
        able = [each for each in running if each.reads and budget.admits(each)]
        holder = dice.choice(able)
        holder.read(min(dice.randint(1, 4), holder.wanted - holder.held))
        highest = max(highest, budget.held)
        if holder.held == holder.wanted:
            running.remove(holder)
            budget.release(holder)
    assert highest <= 128
    assert budget.held == 0


# A transfer that waits


def transfer_of(
    network: Network, budget: Budget, spool: Spool | None
) -> tuple[Http1Transfer, list[None]]:
    woken: list[None] = []
    settings = WireSettings()
    transfer = Http1Transfer(
        network.connection(),
        Plan(b"GET", b"", TARGET, b"GET / HTTP/1.1\r\n\r\n", Framing.NONE, 0),
        PlainReader(b"GET", settings),
        settings,
        content=(),
        whole=True,
        new_body=lambda: SpoolBody(spool),
        budget=budget,
        wake=lambda: woken.append(None),
    )
    transfer.begin(1)
    return transfer, woken


def test_a_transfer_without_room_reads_nothing_until_it_is_told() -> None:
    budget, mail = made()
    oldest = Holder(budget)
    oldest.read(1)
    with closing(Network()) as network:
        transfer, woken = transfer_of(network, budget, None)
        server = network.transports[transfer.connection]
        server.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        assert not transfer.on_ready(2, readable=True, writable=False)
        assert transfer.deadline == NEVER, "it is we who do not read"
        server.arrive(b"1234567890")
        network.turn()
        assert network.owner.told == [], "nobody listens"
        assert not transfer.on_ready(3, readable=True, writable=True)
        assert (transfer.deadline, budget.held) == (NEVER, 11)
        budget.release(oldest)
        mail.popleft()()
        assert woken == [None]
        assert transfer.on_ready(4, readable=True, writable=True)
        assert budget.held == 20 - 10, "what came last was whole"
        transfer.conclude(lambda *_: None)
        assert budget.held == 0


def test_a_transfer_that_has_room_again_is_watched_and_timed_again() -> None:
    budget, mail = made()
    oldest = Holder(budget)
    oldest.read(1)
    with closing(Network()) as network:
        transfer, _ = transfer_of(network, budget, None)
        server = network.transports[transfer.connection]
        server.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        transfer.on_ready(2, readable=True, writable=False)
        budget.release(oldest)
        mail.popleft()()
        assert not transfer.on_ready(4, readable=True, writable=True)
        assert transfer.deadline == 4 + 60_000_000_000
        server.arrive(b"1")
        network.turn()
        assert len(network.owner.told) == 1
        transfer.abort()
        assert budget.held == 0


def test_with_a_folder_nobody_waits(tmp_path: Path) -> None:
    budget, _ = made()
    oldest = Holder(budget)
    oldest.read(1)
    with closing(Network()) as network:
        transfer, _ = transfer_of(network, budget, Spool(tmp_path))
        server = network.transports[transfer.connection]
        server.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        assert not transfer.on_ready(2, readable=True, writable=False)
        assert (budget.held, len(list(tmp_path.iterdir()))) == (1, 1)
        server.arrive(b"1234567890")
        assert transfer.on_ready(3, readable=True, writable=False)
        body = transfer.body
        assert isinstance(body, SpoolBody)
        assert body.seal() == b"1234567890" * 2
        assert list(tmp_path.iterdir()) == [], "a small content is not left in a file"
        transfer.conclude(lambda *_: None)


# All of it


def watched(replaying: Replaying, much: int, reached: threading.Event) -> list[int]:
    """What the budget holds after each change; the event is set once that is much."""
    budget = replaying.thread._around.budget
    seen: list[int] = []
    note = budget._note

    def noting(holder: object, held: int) -> None:
        note(holder, held)  # type: ignore[arg-type]
        seen.append(budget.held)
        if budget.held > much:
            reached.set()

    budget._note = noting  # type: ignore[method-assign, assignment]
    return seen


def test_many_large_responses_at_once_stay_within_the_budget() -> None:
    content = bytes(range(256)) * (4 * 700)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content)
    reached = threading.Event()

    def together(peer: Peer) -> None:
        peer.request()
        peer.send(response + content[:100_000])
        server.wait_for_peers(12)
        peer.send(content[100_000:400_000])
        # What is there may be taken in one turn: then nothing of it is held.
        assert reached.wait(DEADLINE)
        peer.send(content[400_000:])

    with (
        ScriptedServer(together) as server,
        Replaying(concurrency=12, memory_budget=4 * MIB, body_size_limit=MIB) as replaying,
    ):
        seen = watched(replaying, 2 * MIB, reached)
        ended = replaying.run(*(flow(server.port) for _ in range(12)))
        assert {event.response.content_size_bytes for event in ended} == {len(content)}
        assert max(seen) <= 4 * MIB
        assert seen[-1] == 0
