"""Pages' sizes and tokens."""

import pytest

from replayd.errors import ReplaydError
from replayd.rpc.paging import MAX_PAGE_SIZE, PAGE_SIZE, PageTokens, page_size

TOKENS = PageTokens(">Q?", "ListThings", "things")


def test_a_page_has_a_size_within_bounds() -> None:
    assert [page_size(asked) for asked in (0, 1, MAX_PAGE_SIZE)] == [PAGE_SIZE, 1, MAX_PAGE_SIZE]
    for asked in (-1, MAX_PAGE_SIZE + 1):
        with pytest.raises(ReplaydError, match="page_size has to be from 0 to 1000"):
            page_size(asked)


def test_a_token_is_of_use_for_the_same_request_alone() -> None:
    token = TOKENS.token(7, True)
    assert TOKENS.place(token, True) == (7,)
    with pytest.raises(ReplaydError, match="page_token is of a request for other things"):
        TOKENS.place(token, False)


@pytest.mark.parametrize("token", ["ä", "AAAA", "!"])
def test_what_nobody_gave_is_no_token(token: str) -> None:
    with pytest.raises(ReplaydError, match="page_token is none that ListThings gave"):
        TOKENS.place(token, True)
