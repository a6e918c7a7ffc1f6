import hashlib
import hmac
from unittest.mock import patch

import pytest

from replayd.access.roles import Caller, Role
from replayd.access.tokens import only, parse_tokens

TOKEN = "b3f0c2" * 8
OTHER = "other-token-of-24-chars.~_+/-=="


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_a_line_names_a_caller_its_roles_and_its_token() -> None:
    tokens = parse_tokens(
        f"# callers\n\n  ci enqueue,read {TOKEN}\nbob all sha256:{digest(OTHER).upper()}\n"
        "ops admin cert:ops.example.org\n"
    )
    assert tokens.holder(TOKEN) == Caller("ci", frozenset({Role.ENQUEUE, Role.READ}), known=True)
    assert tokens.holder(OTHER) == Caller("bob", frozenset(Role), known=True)
    ops = Caller("ops", frozenset({Role.ADMIN}), known=True)
    assert tokens.certified(["x.example.org", "ops.example.org"]) == ops


@pytest.mark.parametrize("text", ["", TOKEN[:-1], TOKEN + " ", digest(TOKEN), "ci", "\udce9\x00"])
def test_nobody_has_another_token(text: str) -> None:
    assert parse_tokens(f"ci read {TOKEN}").holder(text) is None


def test_a_certificate_s_name_is_no_token() -> None:
    tokens = parse_tokens("ci read cert:ci.example.org")
    assert tokens.holder("ci.example.org") is None
    assert tokens.certified(["other", "*.example.org", "CI.EXAMPLE.ORG"]) is None


def test_every_token_is_compared_whatever_was_found() -> None:
    tokens = parse_tokens("".join(f"c{i} read {i}{TOKEN}\n" for i in range(5)))
    for shown in ("0" + TOKEN, "4" + TOKEN, "none"):
        with patch.object(hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            tokens.holder(shown)
        assert compare.call_count == 5


def test_one_token_may_stand_for_a_file() -> None:
    caller = Caller("me", frozenset(Role))
    assert only(TOKEN, caller).holder(TOKEN) == caller
    assert only(TOKEN, caller).holder(OTHER) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"ci {TOKEN}", "2 words; write NAME ROLES TOKEN"),
        (f"ci read,write {TOKEN}", "no list of roles; write read, enqueue, admin, hooks, secrets"),
        (f"ci {TOKEN} read", "no list of roles"),
        (f"ci , {TOKEN}", "no list of roles"),
        (f"first read {OTHER}", "an earlier line's"),
        (f"c\x1b[2Ji read {OTHER}", "can't be printed"),
        ("ci read short", "fewer than 24 characters"),
        ("ci read " + "é" * 30, "no header field can carry"),
        (f"ci read sha256:{TOKEN[:10]}", "64 hex digits"),
        ("ci read cert:", "has no name"),
        (f"ci read {TOKEN}", "its token is an earlier line's"),
        (f"ci read sha256:{digest(TOKEN)}", "its token is an earlier line's"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_without_its_token(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        parse_tokens(f"first read {TOKEN}\n{line}\n")
    assert str(caught.value).startswith("line 2: ")
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_without_callers_is_none() -> None:
    with pytest.raises(ValueError, match="names no caller"):
        parse_tokens("# nothing\n")
