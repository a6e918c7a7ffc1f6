"""What a hook has decided becomes of a replay, or what its policy says."""

from flowreplay.v1 import event_pb2, reason_pb2

from tests.tools.chaos.events import Writer


def found(writer: Writer) -> dict[str, int]:
    writer.log.hooked.settle()
    return dict(writer.findings.counts)


def queued() -> Writer:
    writer = Writer()
    writer.queued(0, 2)
    return writer


def killed(writer: Writer, reason: str = "HOOK_KILLED") -> Writer:
    writer.interrupted(0, state="KILLED", reason=reason)
    return writer


def test_what_it_decides_is_done() -> None:
    writer = queued()
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    writer.log.hooked.decided("b.1", 1, "answered", 5.0)
    killed(writer).succeeded(1, answer=b"b.1", status=299, hook="chaos")
    writer.succeeded(2)
    assert not found(writer)
    assert [each.unsent for each in writer.log.replays()] == [True, True, False]


def test_what_it_has_not_decided_is_found() -> None:
    assert found(killed(queued())) == {"hooks": 1}
    writer = queued()
    writer.succeeded(1, answer=b"b.1", status=299, hook="chaos")
    assert found(writer) == {"hooks": 1}
    writer = queued()
    writer.log.hooked.decided("b.1", 1, "answered", 5.0)
    writer.succeeded(1, answer=b"b.2", status=299, hook="chaos")
    assert found(writer) == {"hooks": 1}


def test_what_is_not_done_is_found() -> None:
    writer = queued()
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    writer.succeeded(0)
    assert found(writer) == {"hooks": 1}
    writer = queued()
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    log = event_pb2.LogEvent(reason=reason_pb2.REASON_HOOK_LATE)
    writer.write(batch_id="b", replay_id="b.0", log=log)
    writer.succeeded(0)
    assert not found(writer)


def test_what_it_decided_in_another_life_may_be_sent_without_it() -> None:
    writer = queued()
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    writer.log.hooked.started(6.0)
    writer.succeeded(0, second=7)
    assert not found(writer)
    writer = queued()
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    writer.log.hooked.started(4.0)
    writer.succeeded(0, second=7)
    assert found(writer) == {"hooks": 1}


def test_its_policy_kills_if_it_is_to() -> None:
    writer = killed(queued(), "HOOK_GONE")
    writer.log.hooked.attends("continue")
    assert found(writer) == {"hooks": 1}
    writer = killed(queued(), "HOOK_GONE")
    writer.log.hooked.attends("kill")
    assert not found(writer)


def test_what_failed_by_itself_is_not_its_affair() -> None:
    writer = killed(queued(), "CANCELLED")
    writer.log.hooked.decided("b.0", 1, "killed", 5.0)
    assert not found(writer)
