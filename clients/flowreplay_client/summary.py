"""What to ask of a batch's summary. Pure."""

from collections.abc import Iterable

from flowreplay.v1.history_pb2 import SummarizeRequest

SUMMARY_TIMEOUT = 600.0
"""Seconds: the daemon takes some ten microseconds for each replay of the batch."""


def summarize_request(batch_id: str, assertions: Iterable[str]) -> SummarizeRequest:
    """Builds the request; without a batch it has the assertions read, and nothing else."""
    if isinstance(assertions, str):
        raise TypeError("assertions are a list of texts, each one assertion")
    return SummarizeRequest(batch_id=batch_id, assertions=assertions, validate_only=not batch_id)
