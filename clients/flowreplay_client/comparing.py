"""How responses are compared with the recorded ones. Pure."""

from collections.abc import Iterable
from typing import TypedDict

from flowreplay.v1.history_pb2 import DiffRequest
from flowreplay.v1.replay_pb2 import CompareMode, EnqueueOptions


class CompareSettings(TypedDict, total=False):
    """How the responses of an Enqueue are compared; what is left out has the daemon's default."""

    compare: bool
    """Compare responses with the recorded ones; True by default."""
    ignored_differences: Iterable[str]
    """What to leave out: `status`, `header:ETag`, `json:$.items[*].id`, `order:$.items`, `body`,
    `body:REGEX`."""
    compare_volatile: bool
    """Look also at what changes with every answer: dates, ids of requests, UUIDs."""
    learn_noise: bool
    """Send idempotent requests whose responses differ once more, and leave out what differs
    between the two answers."""


class DiffSettings(TypedDict, total=False):
    """What to compare of a batch that was replayed; what is left out has the daemon's default."""

    replay_ids: Iterable[str]
    """Only these replays."""
    ignored_differences: Iterable[str]
    """What to leave out, beside what the batch itself does."""
    compare_volatile: bool
    """As in `CompareSettings`."""
    difference_limit: int
    """How many differences of each replay to tell, at most 1,000; 0: 100."""
    include_equal: bool
    """Tell also of replays whose responses are equal."""
    secrets: bool
    """Show secrets; needs the role `secrets`."""


def fill_comparing(options: EnqueueOptions, settings: CompareSettings) -> None:
    """Puts them into the options of an Enqueue."""
    if not settings.get("compare", True):
        options.compare = CompareMode.COMPARE_MODE_OFF
    options.ignored_differences.extend(settings.get("ignored_differences", ()))
    options.compare_volatile = settings.get("compare_volatile", False)
    options.learn_noise = settings.get("learn_noise", False)


def diff_request(batch_id: str, settings: DiffSettings) -> DiffRequest:
    """Builds the request of a Diff."""
    return DiffRequest(
        batch_id=batch_id,
        replay_ids=settings.get("replay_ids", ()),
        ignored_differences=settings.get("ignored_differences", ()),
        compare_volatile=settings.get("compare_volatile", False),
        difference_limit=settings.get("difference_limit", 0),
        include_equal=settings.get("include_equal", False),
        reveal_secrets=settings.get("secrets", False),
    )
