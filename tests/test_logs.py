import json
import logging

from replayd.logs import JsonFormatter, TextFormatter, tells_of_us


def record(message: str, *args: object, **attributes: object) -> logging.LogRecord:
    made = logging.LogRecord("replayd.x", logging.WARNING, "x.py", 1, message, args, None)
    made.created = 1795399200.5
    vars(made).update(attributes)
    return made


def test_a_text_line_has_time_level_and_message() -> None:
    line = TextFormatter().format(record("batch %s", "b"))
    assert line == "2026-11-23T02:00:00.500Z warning batch b"


def test_control_characters_can_not_forge_a_line() -> None:
    line = TextFormatter().format(record("from \x1b[31mred\r\nfake line"))
    assert line.endswith(r"from \x1b[31mred\r\nfake line")
    assert "\n" not in line


def test_a_client_that_went_away_is_no_error() -> None:
    # As grpcio 1.85 says it, with a traceback.
    said = "ExecuteBatchError raised in core by servicer method [/flowreplay.v1.R/WatchEvents]"
    assert not tells_of_us(record(said))
    assert tells_of_us(record("Unexpected [ValueError] raised by servicer method [/x]"))


def test_no_line_tells_a_secret() -> None:
    made = record("no answer from http://u:%s@h/?token=%s", "s3cr3t", "s3cr3t")
    assert "s3cr3t" not in TextFormatter().format(made) + JsonFormatter().format(made)


def test_an_error_s_text_can_not_forge_a_line() -> None:
    error = ValueError("password=s3cr3t\n2026-11-23T02:00:00.500Z info \x1b[2Jall is well")
    failed = record("failed", exc_info=(ValueError, error, None))
    first, *lines = TextFormatter().format(failed).split("\n")
    assert first.endswith("warning failed")
    assert all(line.startswith("    | ") for line in lines)
    told = "".join(lines) + JsonFormatter().format(failed)
    assert "s3cr3t" not in told
    assert "\x1b" not in told


def test_a_json_line_is_one_object() -> None:
    values = json.loads(JsonFormatter().format(record("a\nb")))
    assert values == {
        "time": "2026-11-23T02:00:00.500Z",
        "level": "warning",
        "logger": "replayd.x",
        "message": "a\nb",
    }


def test_both_formats_carry_the_traceback() -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        failed = record("failed", exc_info=(ValueError, error, error.__traceback__))
    assert "ValueError: boom" in TextFormatter().format(failed)
    assert "ValueError: boom" in json.loads(JsonFormatter().format(failed))["traceback"]
