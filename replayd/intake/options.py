"""The options of an Enqueue, checked. Apart from `decode`, for the daemon checks them too
and needs none of the formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowreplay.v1 import plan_pb2, replay_pb2

from replayd.errors import FieldError, ReplaydError
from replayd.intake.timing import Window, check_pace
from replayd.model.batch import MAX_PRIORITY, Controls, Terms
from replayd.model.replay import MAX_REPEATS, OnInterrupt

if TYPE_CHECKING:
    from replayd.live.recorded import Recorded
    from replayd.model.flow import Flow

MAX_TEXT = 200
"""Characters of a request_id, a label or a flow's id."""

MAX_FILTER = 2000
"""Characters of a filter expression."""

_REWRITING = (
    "target",
    "modify_headers",
    "map_remote",
    "modify_body",
    "set_headers",
    "remove_headers",
    "set_query",
    "set_cookies",
    "host",
    "server_name",
)

_USED_UP = (
    "request_id",
    "format",
    "strict",
    "label",
    "salvage",
    "refuse_websocket",
    "websocket_pace",
    "stream",
    "end_follows",
    "filter",
    *_REWRITING,
    "window_start_time",
    "window_end_time",
    "window_start_duration",
    "window_end_duration",
    "priority",
    "paused",
    "owner",
    # What they say is in the plans.
    "sticky_cookies",
    "carry",
    "live_scope",
)
"""Options that taking the flows in has used up: what a hook changes is planned with the others."""

MAX_SOURCES, MAX_SOURCE = 50, 1000
"""How many values `carry` may name, and the characters of each."""

MAX_HOST = 255
"""Characters of a host in `connect_to`: no name in the DNS is longer."""


def check_options(options: replay_pb2.EnqueueOptions) -> None:
    """Raises ReplaydError INVALID_OPTIONS when a value is out of its range. Expressions are read by
    who takes the flows in: to compile one may take seconds.
    """
    for name in ("request_id", "label", "owner"):
        if len(getattr(options, name)) > MAX_TEXT:
            raise _invalid_options(name, f"may have at most {MAX_TEXT} characters")
    if abs(options.priority) > MAX_PRIORITY:
        raise _invalid_options(
            "priority", f"has to be from -{MAX_PRIORITY} to {MAX_PRIORITY}, not {options.priority}"
        )
    if options.format not in replay_pb2.CaptureFormat.values():
        raise _invalid_options("format", f"has the unknown value {options.format}")
    if options.http_version not in replay_pb2.HttpVersion.values():
        raise _invalid_options("http_version", f"has the unknown value {options.http_version}")
    if options.websocket_pace not in plan_pb2.WebSocketPace.values():
        raise _invalid_options("websocket_pace", f"has the unknown value {options.websocket_pace}")
    if options.on_interrupt not in replay_pb2.OnInterrupt.values():
        raise _invalid_options("on_interrupt", f"has the unknown value {options.on_interrupt}")
    if options.stream and options.strict:
        raise _invalid_options(
            "stream", "contradicts strict: whether a flow is refused is known only at the end"
        )
    if options.compare not in replay_pb2.CompareMode.values():
        raise _invalid_options("compare", f"has the unknown value {options.compare}")
    check_pace(options.pace, "options.pace")
    if not 0 <= options.repeat_count <= MAX_REPEATS:
        raise _invalid_options("repeat_count", f"has to be from 0 to {MAX_REPEATS}")
    if options.stream and options.repeat_count > 1:
        raise _invalid_options(
            "stream", "contradicts repeat_count: a run begins only once all flows are known"
        )
    Window(options)
    check_live_values(options)
    for position, rule in enumerate(options.connect_to):
        name = f"connect_to[{position}]"
        if len(rule.host) > MAX_HOST or len(rule.dial_host) > MAX_HOST:
            raise _invalid_options(name, f"has a host of more than {MAX_HOST} characters")
        if not rule.dial_host or not 0 < rule.dial_port < 1 << 16:
            raise _invalid_options(name, "needs a dial_host, and a dial_port from 1 to 65535")
        if rule.scheme not in ("", "http", "https") or not 0 <= rule.port < 1 << 16:
            raise _invalid_options(name, "takes http or https as scheme, 0 to 65535 as port")


def check_live_values(options: replay_pb2.EnqueueOptions) -> None:
    """Raises ReplaydError INVALID_OPTIONS. What a source says is read by who takes the flows in:
    nobody else needs RE2.
    """
    if options.live_scope not in replay_pb2.LiveScope.values():
        raise _invalid_options("live_scope", f"has the unknown value {options.live_scope}")
    narrow = options.live_scope == replay_pb2.LIVE_SCOPE_SESSION
    if narrow and not (options.carry or options.sticky_cookies):
        raise _invalid_options("live_scope", "has a meaning only with sticky_cookies or carry")
    if len(options.carry) > MAX_SOURCES:
        raise _invalid_options("carry", f"may name at most {MAX_SOURCES} values")
    if any(len(source) > MAX_SOURCE for source in options.carry):
        raise _invalid_options("carry", f"may have at most {MAX_SOURCE} characters each")


def recorded_of(options: replay_pb2.EnqueueOptions) -> Recorded | None:
    """Returns what finds the values of recorded answers; None: none are wanted.

    Raises ReplaydError INVALID_OPTIONS.
    """
    if not (options.carry or options.sticky_cookies):
        return None
    # RE2 is loaded by those few who ask for live values.
    from replayd.live.recorded import Recorded  # noqa: PLC0415

    try:
        return Recorded(options.carry, sticky_cookies=options.sticky_cookies)
    except ValueError as error:
        raise _invalid_options("carry", f"can't be used: {error}") from error


def terms_of(options: replay_pb2.EnqueueOptions) -> Terms:
    """Returns what the replays of a batch run under."""
    kept = replay_pb2.EnqueueOptions()
    kept.CopyFrom(options)
    for name in _USED_UP:
        kept.ClearField(name)  # type: ignore[arg-type]
    if not kept.pace.WhichOneof("schedule"):
        kept.ClearField("pace")
    return Terms(
        options.label,
        OnInterrupt(options.on_interrupt or OnInterrupt.AUTO),
        kept.SerializeToString(),
        Controls(options.paused, options.priority, owner=options.owner),
    )


def asks_for_rewriting(options: replay_pb2.EnqueueOptions) -> bool:
    """Tells whether requests are to be rewritten."""
    return any(getattr(options, name) for name in _REWRITING)


def settle_owner(options: replay_pb2.EnqueueOptions, caller: str) -> None:
    """Notes whose the batch is, of a caller with a name (empty: of somebody). Raises ReplaydError
    INVALID_OPTIONS when the caller says that it is somebody else's.
    """
    if caller and options.owner not in ("", caller):
        raise _invalid_options("owner", f"is {caller}, who calls; leave it out")
    options.owner = caller[:MAX_TEXT] or options.owner


def check_ignored(rules: Sequence[str], within: str = "") -> None:
    """Raises ReplaydError INVALID_OPTIONS when a rule of comparisons can't be read."""
    if not rules:
        return
    # Imported here: few have any.
    from replayd.comparing.rules import MAX_RULES, RuleError, parse_rules  # noqa: PLC0415

    field = f"{within}ignored_differences"
    if len(rules) > MAX_RULES:
        raise FieldError(field, f"may have at most {MAX_RULES} rules")
    try:
        parse_rules(rules)
    except RuleError as error:
        raise FieldError(field, f"can't be read: {error}") from error


def filter_of(options: replay_pb2.EnqueueOptions) -> Callable[[Flow], bool] | None:
    """Returns which flows are to be taken; None: all. Raises ReplaydError INVALID_OPTIONS."""
    if not options.filter:
        return None
    if len(options.filter) > MAX_FILTER:
        raise _invalid_options("filter", f"may have at most {MAX_FILTER} characters")
    # Imported here: the daemon reads no filters, and few calls have one.
    from replayd.filters import FilterError, Subject, compile_filter  # noqa: PLC0415

    try:
        wanted = compile_filter(options.filter)
    except FilterError as error:
        what = f"can't be read: {error}"
        raise _invalid_options("filter", what, position=error.position) from error
    return lambda flow: wanted(Subject(flow))


def _invalid_options(name: str, what: str, **metadata: int) -> ReplaydError:
    return FieldError(f"options.{name}", what, **metadata)
