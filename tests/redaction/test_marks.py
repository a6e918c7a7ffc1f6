from replayd.redaction.marks import MARK, Marks


def test_equal_values_have_equal_marks_of_one_key_only() -> None:
    mark = Marks(b"k" * 32)
    assert mark(b"secret") == mark(b"secret") != mark(b"secreT")
    assert mark(b"secret") != Marks(b"l" * 32)(b"secret")
    assert mark(b"secret").startswith("‹redacted 6B blake2:".encode())
    assert MARK.fullmatch(mark(b"secret"))


def test_without_a_key_there_is_no_digest_to_guess_by() -> None:
    assert Marks()(b"secret") == Marks()(b"hidden") == "‹redacted 6B›".encode()


def test_nothing_and_a_mark_stay() -> None:
    mark = Marks(b"k")
    assert mark(b"") == b""
    assert mark(mark(b"secret")) == mark(b"secret")
    assert mark(mark(b"secret") + b"x") != mark(b"secret") + b"x"
