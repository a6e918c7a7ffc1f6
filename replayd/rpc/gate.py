"""Who calls, and whether this call may be made: asked before anything of it is read."""

import logging
import time
from collections.abc import Callable
from typing import Any

import grpc

from replayd.access.identify import identify
from replayd.access.roles import LOCAL, Caller, Role
from replayd.access.tokens import Tokens
from replayd.errors import AccessError, ReplaydError
from replayd.reasons import Reason
from replayd.rpc.seldom import Seldom

MAX_METADATA = 16 << 10
"""Bytes of a call's metadata, names and values: what tokens and tracing need, several times."""

_log = logging.getLogger(__name__)

_TRUSTED = Caller("somebody on this machine", frozenset(Role))
_NAMES = ("x509_subject_alternative_name", "x509_common_name")
"""Where gRPC keeps a verified certificate's names, the better ones first."""


class Gate:
    """Judges the calls of one daemon. Lives on one event loop."""

    def __init__(
        self,
        tokens: Callable[[], Tokens] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tokens`: who is known, now; None: every caller is trusted."""
        self._tokens = tokens
        self._refusals = Seldom(clock)
        self._ends = Seldom(clock)

    def admit(self, context: "grpc.aio.ServicerContext[Any, Any]", role: Role | None) -> Caller:
        """Returns who calls, when it has the role (None: whatever it has).

        Raises AccessError: TOKEN_MISSING, TOKEN_INVALID, ROLE_MISSING; ReplaydError
        INVALID_OPTIONS for too much metadata.
        """
        _check_metadata(context)
        caller = self._caller(context)
        if role is not None:
            caller.require(role)
        return caller

    def log_refusal(self, peer: str, error: AccessError) -> None:
        """Logs that a call was refused, and how many others were since the last line."""
        others = self._refusals.others()
        if others is None:
            return
        who = f", {error.metadata['caller']}" if "caller" in error.metadata else ""
        _log.warning("refused a call from %s%s: %s%s", peer, who, error.reason.name, others)

    def log_end(self, error: ReplaydError) -> None:
        """Logs how a call ended that was let in, and how many others did since the last line."""
        others = self._ends.others()
        if others is not None:
            _log.info("a call ended with %s: %s%s", error.reason.name, error.message, others)

    def _caller(self, context: "grpc.aio.ServicerContext[Any, Any]") -> Caller:
        # gRPC's own word for the transport: no client can say it of itself.
        if context.peer().startswith("unix:"):
            return LOCAL
        if self._tokens is None:
            return _TRUSTED
        metadata = context.invocation_metadata() or ()
        shown = [str(value) for key, value in metadata if key == "authorization"]
        return identify(self._tokens(), shown, _certificate_names(context))


def _check_metadata(context: "grpc.aio.ServicerContext[Any, Any]") -> None:
    """Raises ReplaydError. Clients know the limit, but gRPC takes some MiB from those who do not
    care.
    """
    size = sum(len(key) + len(value) for key, value in context.invocation_metadata() or ())
    if size > MAX_METADATA:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"the call's metadata has {size} bytes; {MAX_METADATA} are allowed",
            size=size,
        )


def _certificate_names(context: "grpc.aio.ServicerContext[Any, Any]") -> list[str]:
    """The names in the certificate that the caller's connection was made with; a common name
    counts only where there is no other.
    """
    known = context.auth_context()
    for kind in _NAMES:
        names = [name.decode(errors="replace") for name in known.get(kind, ())]
        if names:
            return names
    return []
