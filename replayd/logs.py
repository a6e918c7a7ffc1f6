"""The daemon's own log, on stderr: text for people or JSON for machines.

It tells what the daemon does, not what replays do: that is the event log's.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from replayd.redaction.printable import said, said_of
from replayd.redaction.redactor import UNKEYED

_CORE = logging.getLogger("grpc._cython.cygrpc")
"""gRPC's only logger that we have heard of so far; filters are not inherited."""


def set_up_logging(level: str, form: str) -> None:
    """Sends the log to stderr from `level` (`debug` ... `error`) up, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Below warnings it tells of its own insides.
    logging.getLogger("grpc").setLevel(max(root.level, logging.WARNING))
    _CORE.addFilter(tells_of_us)


def tells_of_us(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's is worth one of ours: a client that went away while it was written
    to is no error, and no reason for a traceback.
    """
    return not record.getMessage().startswith("ExecuteBatchError raised in core")


class TextFormatter(logging.Formatter):
    """One line: time, level, message; control characters escaped, no secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats a record; a traceback follows on lines of its own."""
        line = f"{_time(record)} {record.levelname.lower()} {said(record.getMessage())}"
        if error := _error(record):
            line += "\n" + said_of(error)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats a record."""
        values = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": UNKEYED.text(record.getMessage()),
        }
        if error := _error(record):
            values["traceback"] = said_of(error)
        return json.dumps(values)


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _time(record: logging.LogRecord) -> str:
    stamp = datetime.fromtimestamp(record.created, UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
