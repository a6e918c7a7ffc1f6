"""One line of text for an event: when, what it is about, what happened.

The second column is the replay, else the batch, else `-`: the queue or the daemon as a
whole. Pure but for the local time zone.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date
from itertools import chain

from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.reason_pb2 import Reason
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from replayctl.contents import content_lines, size_text
from replayctl.differences import verdict
from replayctl.forms import Form, forms
from replayctl.printable import printable
from replayctl.said import message_lines, plan_line, result_line

Style = Callable[[str, str], str]
"""Puts text into a colour, or not."""

_STATUS_COLOURS = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}
_LEVEL_COLOURS = {pb.LOG_LEVEL_WARNING: "yellow", pb.LOG_LEVEL_ERROR: "red"}

_ABOUT_WIDTH = 12
"""Lines stand in columns up to flow 999 of a batch."""


def event_lines(
    event: pb.Event, style: Style, today: date, *, bodies: bool = False
) -> Iterator[str]:
    """Yields the line that tells of an event, then its content if asked; none if unknown."""
    kind = event.WhichOneof("payload")
    describe = _DESCRIPTIONS.get(kind or "")
    if describe is None:
        return
    attempt = f"  (attempt {event.attempt})" if event.attempt > 1 else ""
    about = f"{printable(event.replay_id or event.batch_id) or '-':<{_ABOUT_WIDTH}}"
    when = clock_time(event.record_time, today)
    yield f"{when}  {about}  {describe(event, style)}{attempt}"
    if bodies and kind in ("request", "response", "error"):
        payload = getattr(event, kind)
        yield from (f"    {line}" for line in _content(payload))
        if kind != "request":
            said = payload.websocket
            lines = message_lines(said.messages, truncated=said.messages_truncated)
            yield from (f"    {line}" for line in lines)


def _content(payload: pb.RequestEvent | pb.ResponseEvent | pb.ErrorEvent) -> Iterator[str]:
    size = payload.content_size_bytes
    if not payload.content_redacted:
        return content_lines(payload.content, size) if payload.content else iter(())
    if not payload.content:
        return iter((f"({size_text(size)} that are no plain text; --secrets shows them)",))
    # Marks make it longer or shorter than it is.
    shown = content_lines(payload.content, len(payload.content))
    return chain(shown, ("...",) if payload.content_truncated else ())


def reason_name(reason: Reason.ValueType) -> str:
    """Returns the stable name of a reason; its number when a newer daemon sent it."""
    return enum_name(Reason.DESCRIPTOR, reason, "REASON_")


def state_name(state: pb.ReplayState.ValueType) -> str:
    """Returns the name of a state, such as `FAILED`."""
    return enum_name(pb.ReplayState.DESCRIPTOR, state, "REPLAY_STATE_")


def enum_name(enum: EnumDescriptor, number: int, prefix: str) -> str:
    """Returns a value's name without its prefix; its number when it has no name here."""
    value = enum.values_by_number.get(number)
    return value.name.removeprefix(prefix) if value is not None else str(number)


def clock_time(stamp: Timestamp, today: date) -> str:
    """Returns the local time of day, to the millisecond; its date first if not `today`'s."""
    moment = stamp.ToDatetime(tzinfo=UTC).astimezone()
    time = moment.isoformat(timespec="milliseconds")[11:23]
    return time if moment.date() == today else f"{moment.date()} {time}"


def duration_text(duration: Duration) -> str:
    """Returns a duration for people: `12.3 ms`, `4.56 s`."""
    milliseconds = duration.ToNanoseconds() / 1e6
    if milliseconds < 1000:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds / 1000:.2f} s"


def _request(event: pb.Event, _style: Style) -> str:
    plan = event.request.plan
    what = size_text(event.request.content_size_bytes)
    if plan.HasField("websocket"):
        what = plan_line(plan.websocket)
    sent = "".join(f"; {part}" for form in forms(plan) for part in _form(form))
    return f"{printable(plan.method)} {printable(plan.url)}  sending {what}{sent}"


def _form(form: Form) -> list[str]:
    """When a request leaves in this form, with its changes; none for HTTP/1 unchanged."""
    parts = (form.title, form.described_changes())
    said = ": ".join(part for part in parts if part)
    return [said] if said else []


def _response(event: pb.Event, style: Style) -> str:
    response = event.response
    code = response.head.status_code
    status = style(str(code), _STATUS_COLOURS.get(code // 100, "white"))
    if response.head.http_version.startswith(b"HTTP/2"):
        status += " over HTTP/2"
    if response.recorded_status_code not in (0, code):
        status += f" (recorded {response.recorded_status_code})"
    if response.answering_hook:
        status += f" (of the hook {printable(response.answering_hook)})"
    if response.changing_hooks:
        status += f" (changed by {', '.join(map(printable, response.changing_hooks))})"
    what = size_text(response.content_size_bytes)
    if response.HasField("websocket"):
        what = result_line(response.websocket)
    if differs := verdict(response.comparison):
        what += f"  {style(differs, 'yellow')}"
    duration = duration_text(response.timings.total_duration)
    return f"{printable(response.method)} {printable(response.url)}  {status}  {what}  {duration}"


def _error(event: pb.Event, style: Style) -> str:
    error = event.error
    names = dict.fromkeys((state_name(error.state), reason_name(error.reason)))
    what = style(" ".join(names), "red")
    duration = ""
    # Nobody saw the end of what a death of the daemon interrupted.
    if error.timings.HasField("total_duration"):
        duration = f"  {duration_text(error.timings.total_duration)}"
    return (
        f"{printable(error.method)} {printable(error.url)}  "
        f"{what}: {printable(error.message)}{duration}"
    )


def _log(event: pb.Event, style: Style) -> str:
    log = event.log
    level = enum_name(pb.LogLevel.DESCRIPTOR, log.level, "LOG_LEVEL_").lower()
    reason = f" [{reason_name(log.reason)}]" if log.reason else ""
    # A replay's id says its flow already.
    named = log.HasField("flow_index") and not event.replay_id
    flow = f"flow {log.flow_index}: " if named else ""
    level = style(level, _LEVEL_COLOURS.get(log.level, "white"))
    return f"{level}: {flow}{printable(log.message)}{reason}"


def _update(event: pb.Event, style: Style) -> str:
    update = event.update
    what = enum_name(pb.UpdateKind.DESCRIPTOR, update.kind, "UPDATE_KIND_").lower()
    if update.kind in (pb.UPDATE_KIND_PAUSED, pb.UPDATE_KIND_RESUMED):
        # A batch's id stands before it.
        return style(f"the {'batch' if event.batch_id else 'queue'} was {what}", "magenta")
    if update.kind == pb.UPDATE_KIND_MOVED:
        to_front = "to the front, " if update.front else ""
        return style(f"the batch was moved {to_front}to priority {update.priority}", "magenta")
    if update.kind == pb.UPDATE_KIND_STOPPING:
        return style("the daemon is stopping", "magenta")
    batches = dict.fromkeys(part.batch_id for part in update.ranges)
    named = batches and not event.batch_id
    of_batches = f" of batch {printable(', '.join(batches))}" if named else ""
    label = f" ({printable(update.label)})" if update.label else ""
    owner = f" for {printable(update.owner)}" if update.owner else ""
    noun = "replay" if update.replay_count == 1 else "replays"
    return f"{what} {update.replay_count} {noun}{of_batches}{label}{owner}{_resolution(update)}"


def _resolution(update: pb.UpdateEvent) -> str:
    """Says which replays send which others again, or that parked ones were dropped."""
    if update.resends_batch_id:
        return f", which send those of batch {printable(update.resends_batch_id)} again"
    if update.kind != pb.UPDATE_KIND_RESOLVED:
        return ""
    if update.resent_batch_id:
        return f": sent again as batch {printable(update.resent_batch_id)}"
    return ": dropped"


_DESCRIPTIONS: dict[str, Callable[[pb.Event, Style], str]] = {
    "request": _request,
    "response": _response,
    "error": _error,
    "log": _log,
    "update": _update,
}
