import pytest

from replayd.access.identify import identify
from replayd.access.roles import Caller, Role
from replayd.access.tokens import parse_tokens
from replayd.errors import AccessError
from replayd.reasons import Reason

TOKEN = "b3f0c2" * 8
TOKENS = parse_tokens(f"ci read {TOKEN}\nops admin cert:ops.example.org\n")
CI = Caller("ci", frozenset({Role.READ}), known=True)
OPS = Caller("ops", frozenset({Role.ADMIN}), known=True)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_tells_who_calls(scheme: str) -> None:
    assert identify(TOKENS, [f"{scheme} {TOKEN}"], []) == CI


def test_a_certificate_tells_who_calls_but_a_token_wins() -> None:
    assert identify(TOKENS, [], ["x", "ops.example.org"]) == OPS
    assert identify(TOKENS, [f"Bearer {TOKEN}"], ["ops.example.org"]) == CI


def test_a_certificate_that_nobody_named_has_no_role() -> None:
    caller = identify(TOKENS, [], ["stranger.example.org"])
    assert caller == Caller("the certificate of stranger.example.org", frozenset())


def test_who_shows_nothing_is_told_what_to_do() -> None:
    with pytest.raises(AccessError, match="--token-file") as caught:
        identify(TOKENS, [], [])
    assert caught.value.reason is Reason.TOKEN_MISSING


@pytest.mark.parametrize(
    "shown",
    [
        ["Bearer wrong"],
        ["Bearer"],
        [""],
        [TOKEN],
        [f"Basic {TOKEN}"],
        [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
        ["Bearer wrong", f"Bearer {TOKEN}"],
    ],
)
def test_what_is_no_token_is_refused_and_never_repeated(shown: list[str]) -> None:
    with pytest.raises(AccessError) as caught:
        identify(TOKENS, shown, ["ops.example.org"])
    assert caught.value.reason is Reason.TOKEN_INVALID
    assert "wrong" not in caught.value.message
    assert TOKEN not in caught.value.message
