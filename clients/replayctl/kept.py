"""All that is kept of a replay, for people. Pure but for the local time zone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from flowreplay.v1 import event_pb2, flow_pb2
from flowreplay.v1.event_pb2 import Connection, ResponseHead, Timings
from flowreplay.v1.history_pb2 import Replay, ReplayDetails
from flowreplay.v1.replay_pb2 import PlannedFlow

from replayctl.contents import content_lines, size_text
from replayctl.dry_run import planned_lines
from replayctl.events import Style, clock_time, duration_text, enum_name, reason_name, state_name
from replayctl.printable import printable
from replayctl.said import message_lines, result_line

_PHASES = (
    ("connected_duration", "connected"),
    ("tls_duration", "TLS"),
    ("sent_duration", "sent"),
    ("first_byte_duration", "first byte"),
    ("total_duration", "ended"),
)


class Content:
    """What was sent of one content."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.truncated = False
        self.redacted = False

    def lines(self, size: int) -> Iterator[str]:
        """Yields the lines that show it; `size`: of all of it, 0: that is not known."""
        if self.redacted and not self.data:
            yield "(no plain text; --secrets shows it)"
            return
        yield from content_lines(bytes(self.data), len(self.data))
        if self.truncated:
            more = size - len(self.data)
            known = size and not self.redacted and more > 0
            yield f"... {size_text(more)} more" if known else "..."


def replay_lines(
    details: ReplayDetails, contents: Mapping[str, Content], style: Style, today: date
) -> Iterator[str]:
    """Yields the lines that tell of a replay; `contents`: those that were asked for."""
    yield _title(details.replay, style)
    yield from (f"  {line}" for line in _about(details.replay))
    said = contents.get("request", Content())
    planned = PlannedFlow(
        plan=details.plan,
        content=bytes(said.data),
        messages=details.recorded_messages,
        messages_truncated=details.recorded_messages_truncated,
    )
    yield from planned_lines(planned, style)
    flow = details.flow
    if flow.HasField("response"):
        yield style(f"recorded: {_recorded_status(flow.response)}", "cyan")
        yield from _fields(flow.response.headers)
        yield from _shown(contents.get("recorded"), 0)
    if flow.HasField("error"):
        yield style(f"recorded: no response: {printable(flow.error.message)}", "cyan")
    event = details.end_event
    if event.HasField("response") or event.HasField("error"):
        yield from _end(event, contents.get("response"), style, today)


def _title(replay: Replay, style: Style) -> str:
    attempt = f", attempt {replay.attempt}" if replay.attempt > 1 else ""
    state = style(state_name(replay.state), "green" if not replay.reason else "red")
    return f"{printable(replay.replay_id)}: {state}{attempt}"


def _about(replay: Replay) -> Iterator[str]:
    if replay.reason:
        yield f"{reason_name(replay.reason)}: {printable(replay.message)}"
    if replay.resolution:
        name = enum_name(event_pb2.Resolution.DESCRIPTOR, replay.resolution, "RESOLUTION_")
        yield f"resolved: {name} {printable(replay.resent_replay_id)}".rstrip()
    if replay.resends_replay_id:
        yield f"sends {printable(replay.resends_replay_id)} again"


def _end(
    event: event_pb2.Event, content: Content | None, style: Style, today: date
) -> Iterator[str]:
    payload = event.response if event.HasField("response") else event.error
    size = payload.content_size_bytes
    if payload.HasField("head"):
        yield style(f"response: {_status(payload.head)}, {size_text(size)}", "cyan")
    else:
        yield style("response: none", "cyan")
    if payload.connection.address:
        yield f"  {_connection(payload.connection)}"
    yield f"  {_timings(payload.timings, today)}"
    yield from _fields(payload.head.headers)
    yield from _shown(content, size)
    if payload.HasField("websocket"):
        yield f"  {result_line(payload.websocket)}"
        said = payload.websocket
        lines = message_lines(said.messages, truncated=said.messages_truncated)
        yield from (f"    {line}" for line in lines)


def _recorded_status(response: flow_pb2.Response) -> str:
    missing = ", without its content" if response.content_missing else ""
    phrase = f" {printable(response.reason_phrase)}" if response.reason_phrase else ""
    return f"{response.status_code}{phrase}{missing}"


def _status(head: ResponseHead) -> str:
    phrase = f" {printable(head.reason_phrase)}" if head.reason_phrase else ""
    interim = "".join(f", after {code}" for code in head.interim_status_codes)
    return f"{printable(head.http_version)} {head.status_code}{phrase}{interim}"


def _connection(connection: Connection) -> str:
    parts = [f"from {printable(connection.address)}"]
    if connection.proxied:
        parts[0] += " (the upstream)"
    parts.append(f"as {printable(connection.local_address)}")
    if connection.reused:
        parts.append("on a kept connection")
    if connection.tls_version:
        parts.append(f"{printable(connection.tls_version)} {printable(connection.tls_cipher)}")
    return ", ".join(parts)


def _timings(timings: Timings, today: date) -> str:
    known = {field.name: value for field, value in timings.ListFields()}
    reached = [
        f"{name} after {duration_text(known[field])}" for field, name in _PHASES if field in known
    ]
    return ", ".join([f"begun {clock_time(timings.start_time, today)}", *reached])


def _fields(headers: Sequence[flow_pb2.Header]) -> Iterator[str]:
    for header in headers:
        yield f"    {printable(header.name)}: {printable(header.value)}"


def _shown(content: Content | None, size: int) -> Iterator[str]:
    if content is not None and (content.data or content.redacted):
        yield ""
        yield from (f"    {line}".rstrip() for line in content.lines(size))
