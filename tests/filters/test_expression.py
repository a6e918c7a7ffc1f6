import pytest

from replayd.filters import FilterError, Subject, compile_filter
from replayd.filters.expression import MAX_NESTING
from replayd.model.flow import Flow, Request

FLOW = Flow(request=Request(b"POST", b"https", "example.com", 443, b"/cart?x=1"))


def finds(expression: str) -> bool:
    return compile_filter(expression)(Subject(FLOW))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("~m POST", True),
        ("  ~m\tPOST\n", True),
        ("~m GET", False),
        ("cart", True),
        ("!cart", False),
        ("! ! cart", True),
        ("~m POST & ~d example.com & !~u /health", True),
        ("~m GET | ~m POST", True),
        ("~m GET | ~m PUT", False),
        # `&` binds closer than `|`, and both closer than one after the other.
        ("cart | ~m GET & ~m PUT", True),
        ("(cart | ~m GET) & ~m PUT", False),
        ("~m PUT & cart | ~m POST", True),
        ("~m PUT cart | ~m POST", False),
        ("cart ~m POST", True),
        ("(cart ~m POST)", True),
        ("!(cart ~m GET)", True),
        ("( ( cart ) )", True),
        # Words hold operators; quotes hold anything.
        ("cart|nothing", True),
        ("'cart?x'", False),
        (r"'cart\\?x'", True),
        (r'"\c\a\r\t"', False),
        (r'"\c\a"', True),
        ('~m "PO" "cart"', True),
        (r"'\n'", False),
    ],
)
def test_it_is_read_as_mitmproxy_reads_it(expression: str, expected: bool) -> None:
    assert finds(expression) is expected


@pytest.mark.parametrize(
    ("expression", "what", "position"),
    [
        ("", "an expression is missing here", 0),
        ("  ", "an expression is missing here", 2),
        ("~m POST &", "an expression is missing here", 9),
        ("& ~q", "an expression is missing here", 0),
        ("~q || ~s", "an expression is missing here", 4),
        ("()", "an expression is missing here", 1),
        ("~q & (~s", "this parenthesis is never closed", 5),
        ("~q) ~s", "this parenthesis closes nothing", 2),
        ("~q & ~nothing", "there is no ~nothing; see docs/filters.md for all there are", 5),
        ("~ q", "there is no ~; see docs/filters.md for all there are", 0),
        ("~src 10.0.0.1", "replayd does not keep what ~src is about", 0),
        ("~m", "~m needs a regular expression here", 2),
        ("~m (x)", "~m needs a regular expression here", 3),
        ("~c ok", "~c needs a number here", 3),
        ("~u 'a", "this quote is never closed", 3),
        ("~u 'a\\", "this quote is never closed", 3),
        ("~m x*+*", "'x*+*' is no regular expression: multiple repeat at position 3", 3),
        ("a[", "'a[' is no regular expression: unterminated character set at position 1", 0),
        ("!" * 200, f"it nests deeper than {MAX_NESTING} times", 101),
        ("(" * 200, f"it nests deeper than {MAX_NESTING} times", 101),
    ],
)
def test_what_is_wrong_is_said_with_its_place(expression: str, what: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    assert str(caught.value) == f"{what} (at character {position + 1})"
    assert caught.value.position == position


def test_deep_nesting_up_to_the_limit_is_read() -> None:
    assert finds("(" * MAX_NESTING + "cart" + ")" * MAX_NESTING)
    assert finds("!" * MAX_NESTING + "cart")
