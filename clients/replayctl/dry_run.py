"""`enqueue --dry-run`: what would be sent where, for people and programs."""

from collections.abc import Iterator, Sequence

from flowreplay.v1 import plan_pb2 as pb
from flowreplay.v1.replay_pb2 import PlannedFlow, PlanSummary
from flowreplay_client import Client, EnqueueSettings, Plans, ReplaydClientError

from replayctl.contents import MOST_BYTES, content_lines, size_text
from replayctl.events import Style, enum_name
from replayctl.forms import Form, forms
from replayctl.output import Output
from replayctl.printable import printable
from replayctl.refusals import left_out, refusal_lines
from replayctl.said import message_lines, plan_line
from replayctl.sources import naming, shown, source


def plan_all(
    client: Client, files: Sequence[str], settings: EnqueueSettings, output: Output
) -> list[PlanSummary]:
    """Prints what enqueueing each file would send, and returns what would become of it."""
    summaries = []
    for number, name in enumerate(files, 1):
        with client.plan_capture(source(name), content_limit=MOST_BYTES, **settings) as plans:
            _show_flows(plans, name, files[number:], output)
            summaries.append(plans.summary or PlanSummary())
    return summaries


def _show_flows(plans: Plans, name: str, left: Sequence[str], output: Output) -> None:
    try:
        for flow in _named(plans, name, left):
            lines = () if output.as_json else planned_lines(flow, output.style)
            # At once: there may be many flows, and each print is a call of the system.
            output.show(flow, "\n".join(lines))
    except ReplaydClientError:
        # A strict call tells everything and ends with the refusal of all.
        _show_summary(plans, name, output)
        raise
    _show_summary(plans, name, output)


def _named(plans: Plans, name: str, left: Sequence[str]) -> Iterator[PlannedFlow]:
    """The flows, and errors that name their file: those of planning, not of printing."""
    with naming(name, left_undone="not planned either", left=left):
        yield from plans


def _show_summary(plans: Plans, name: str, output: Output) -> None:
    summary = plans.summary
    if summary is None:
        return
    first = f"{shown(name)}: {summary.accepted_count} would be sent{left_out(summary)}"
    output.show(summary, first, *refusal_lines(summary))


def planned_lines(flow: PlannedFlow, style: Style) -> Iterator[str]:
    """Yields the lines that show one flow: where it goes, what was changed, the bytes; for
    each form that it may leave in.
    """
    plan = flow.plan
    flow_id = f" ({printable(plan.flow_id)})" if plan.flow_id else ""
    title = f"flow {plan.flow_index}{flow_id}: {printable(plan.method)} {printable(plan.url)}"
    yield style(title, "cyan")
    yield f"  to {_where(plan.target)}" + (f", through {flow.upstream}" if flow.upstream else "")
    shown = forms(plan)
    for form in shown:
        if form.title:
            yield f"  {form.title}"
        for change in form.changes:
            kind = enum_name(pb.ChangeKind.DESCRIPTOR, change.kind, "CHANGE_KIND_")
            yield f"  changed: {printable(change.description)} [{kind}]"
        if plan.content_size_bytes or form.chunked:
            yield f"  with {_content(plan, form)}"
        # The content of both is the same.
        lines = _bytes(flow, form, whole=form is shown[-1])
        yield from (f"    {line}".rstrip() for line in lines)
    if plan.HasField("websocket"):
        yield f"  then {plan_line(plan.websocket)}"
        said = message_lines(flow.messages, truncated=flow.messages_truncated)
        yield from (f"    {line}" for line in said)


def _where(target: pb.Target) -> str:
    host, port = target.dial_host or target.host, target.dial_port or target.port
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tls = f", TLS for {printable(target.server_name)}" if target.scheme == "https" else ""
    return printable(address) + tls


def _content(plan: pb.Plan, form: Form) -> str:
    chunk = ", in one chunk" if form.chunked else ""
    wait = ", which waits briefly for 100 Continue" if plan.expect_continue else ""
    return f"{size_text(plan.content_size_bytes)} of content{chunk}{wait}"


def _bytes(flow: PlannedFlow, form: Form, *, whole: bool) -> Iterator[str]:
    """The head, the content without its chunk, the trailers; an empty line before each."""
    yield from form.head
    size = flow.plan.content_size_bytes
    if size:
        yield ""
        yield from content_lines(flow.content, size) if whole else ("(the content, see below)",)
    if form.trailers:
        yield ""
        yield from form.trailers
