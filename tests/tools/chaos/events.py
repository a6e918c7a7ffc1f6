"""A log as chaos reads it, written by tests event by event."""

from flowreplay.v1 import event_pb2, reason_pb2

from tools.chaos.findings import Findings
from tools.chaos.flows import Asked
from tools.chaos.log import Log


class Writer:
    """Writes events of one batch `b` with the label `t` into a log, with their sequences."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.log = Log(self.findings)
        self.events: list[event_pb2.Event] = []

    def write(self, **event: object) -> event_pb2.Event:
        """Writes one."""
        self.events.append(event_pb2.Event(sequence=len(self.events) + 1, **event))
        self.log.read(self.events[-1])
        return self.events[-1]

    def update(
        self,
        kind: str,
        *ranges: tuple[int, int],
        label: str = "",
        batch: str = "b",
        repeat: int = 0,
        count: int | None = None,
        **more: object,
    ) -> None:
        """Writes an `update` event."""
        update = event_pb2.UpdateEvent(
            kind=event_pb2.UpdateKind.Value(f"UPDATE_KIND_{kind}"),
            ranges=[
                event_pb2.ReplayRange(
                    batch_id=batch, repeat=repeat, first_index=first, last_index=last
                )
                for first, last in ranges
            ],
            replay_count=sum(b - a + 1 for a, b in ranges) if count is None else count,
            label=label,
            **more,
        )
        self.write(batch_id=batch, update=update)

    def queued(self, first: int, last: int, batch: str = "b", label: str = "t") -> None:
        """Writes that replays were queued."""
        self.update("QUEUED", (first, last), label=label, batch=batch)

    def copied(self, first: int, last: int, count: int, *, of: str = "b", label: str = "t") -> None:
        """Writes that a batch `c` was queued that sends some of another one again."""
        self.update(
            "QUEUED", (first, last), label=label, batch="c", count=count, resends_batch_id=of
        )

    def succeeded(
        self,
        index: int,
        *,
        attempt: int = 1,
        answer: bytes = b"0",
        method: bytes = b"GET",
        tag: str = "t",
        batch: str = "b",
        run: str = "",
        resends: str = "",
        status: int = 200,
        hook: str = "",
        second: int = 0,
    ) -> None:
        """Writes that a replay was answered; `run`: what its id ends with."""
        url = f"http://127.0.0.1:1{Asked(tag, index, 0, 'ok').path}".encode()
        response = event_pb2.ResponseEvent(
            flow_index=index,
            url=url,
            method=method,
            head=event_pb2.ResponseHead(status_code=status),
            content=answer,
            resends_replay_id=resends,
            answering_hook=hook,
        )
        self.write(
            batch_id=batch,
            replay_id=f"{batch}.{index}{run}",
            attempt=attempt,
            response=response,
            record_time={"seconds": second},
        )

    def interrupted(
        self,
        index: int,
        *,
        attempt: int = 1,
        tag: str = "t",
        state: str = "INTERRUPTED",
        reason: str = "INTERRUPTED",
    ) -> None:
        """Writes that a POST was interrupted, or how else it ended."""
        error = event_pb2.ErrorEvent(
            flow_index=index,
            state=event_pb2.ReplayState.Value(f"REPLAY_STATE_{state}"),
            reason=reason_pb2.Reason.Value(f"REASON_{reason}"),
            url=f"http://127.0.0.1:1{Asked(tag, index, 0, 'ok').path}".encode(),
            method=b"POST",
        )
        self.write(batch_id="b", replay_id=f"b.{index}", attempt=attempt, error=error)
