"""Who calls: by a token, or by a certificate that the handshake has verified. Pure."""

from collections.abc import Sequence

from replayd.access.roles import Caller
from replayd.access.tokens import Tokens
from replayd.errors import AccessError
from replayd.reasons import Reason

_SCHEME = "bearer"


def identify(tokens: Tokens, authorization: Sequence[str], certificate: Sequence[str]) -> Caller:
    """Returns who shows these: the values of the call's `authorization` metadata, and the
    names in the certificate of its connection, if there is one.

    A token wins over a certificate. A certificate that the token file does not name is
    somebody without any role. Raises AccessError: TOKEN_MISSING, TOKEN_INVALID.
    """
    if authorization:
        return _holder(tokens, authorization)
    if certificate:
        unnamed = Caller(f"the certificate of {certificate[0]}", frozenset())
        return tokens.certified(certificate) or unnamed
    raise AccessError(
        Reason.TOKEN_MISSING,
        "the call has no token: give `replayctl` the file that holds it with --token-file, and "
        "other clients the metadata `authorization: Bearer TOKEN`. The daemon's log says where "
        "the token is, unless whoever runs it has handed out others",
    )


def _holder(tokens: Tokens, authorization: Sequence[str]) -> Caller:
    scheme, _, token = authorization[0].partition(" ")
    found = tokens.holder(token.strip())
    if found is None or len(authorization) > 1 or scheme.lower() != _SCHEME:
        raise AccessError(
            Reason.TOKEN_INVALID,
            "the daemon does not know the call's token: it was changed or withdrawn, or is "
            "another daemon's; ask whoever runs the daemon for a new one",
        )
    return found
