"""What of header fields counts."""

from replayd.comparing.counted import FRAMING, UNCOUNTED, cookie_without_value


def test_names_are_in_lower_case() -> None:
    assert all(name == name.lower() for name in UNCOUNTED)
    assert FRAMING < UNCOUNTED
    assert b"content-type" not in UNCOUNTED


def test_of_a_cookie_its_name_and_attributes_count() -> None:
    one = cookie_without_value(b"sid=1; Path=/; HttpOnly; Max-Age=5; Expires=Mon, 1 Jan 2026")
    assert one == cookie_without_value(b"sid=2; httponly; path=/")
    assert one != cookie_without_value(b"sid=2; path=/")
    assert one != cookie_without_value(b"id=2; httponly; path=/")
