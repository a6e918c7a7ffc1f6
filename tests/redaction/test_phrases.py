from replayd.redaction.phrases import PHRASES


def test_phrases_of_all_versions_of_the_standard() -> None:
    assert {b"OK", b"NOT FOUND", b"Content Too Large", b"Payload Too Large", b""} <= PHRASES
