"""Flags, environment, file and defaults become one Config."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from replayd import __version__, cli, daemon
from replayd.config import Config
from replayd.errors import ConfigError, DiskError, JournalError
from replayd.units import parse_duration, parse_size


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Collects the Configs that the daemon would run with."""
    configs: list[Config] = []
    monkeypatch.setattr(daemon, "run", configs.append)
    return configs


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """This process's garbage is looked for as before a start."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def serve(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["serve", *arguments], env=env)


def test_without_options_every_value_is_the_default(seen: list[Config]) -> None:
    assert serve().exit_code == 0
    assert seen == [Config()]


def test_collects_garbage_again_but_not_of_what_was_loaded(seen: list[Config]) -> None:
    with cli._few_collections():
        assert not gc.isenabled()
        loaded = [[]]  # type: list[list[None]]
    assert gc.isenabled()
    assert gc.get_threshold()[0] == cli.COLLECT_AFTER
    assert not any(each is loaded for each in gc.get_objects())
    assert serve().exit_code == 0


def test_flag_beats_environment_beats_file_beats_default(
    seen: list[Config], tmp_path: Path
) -> None:
    file = tmp_path / "replayd.toml"
    file.write_text('connect-timeout = 1\nread_timeout = "2s"\ntotal-timeout = 3\n')
    env = {"REPLAYD_READ_TIMEOUT": "20", "REPLAYD_TOTAL_TIMEOUT": "30"}
    assert serve("--config", str(file), "--total-timeout", "5m", env=env).exit_code == 0
    (config,) = seen
    assert (config.connect_timeout, config.read_timeout, config.total_timeout) == (1, 20, 300)
    assert config.body_size_limit == Config().body_size_limit


def test_every_option_is_a_key_of_the_file(seen: list[Config], tmp_path: Path) -> None:
    file = tmp_path / "replayd.toml"
    file.write_text(
        """
        listen = ["127.0.0.1:0", "unix:/tmp/x.sock"]
        token-file = "tokens"
        tls-cert = "cert.pem"
        tls-key = "key.pem"
        tls-client-ca = "callers.pem"
        trust-loopback = true
        data-dir = "/tmp/data"
        allow-network-disk = true
        ephemeral = true
        synchronous = "normal"
        retention-age = "7d"
        retention-size = "8g"
        client-replay = ["a.mitm", "b.mitm"]
        paused = true
        concurrency = 8
        connections-per-target = 3
        target-rate = ["a.test=5/s", "10/s"]
        breaker = "3:5s"
        breaker-action = "fail"
        upstream = "http://proxy:3128"
        bind-address = "127.0.0.2"
        body-size-limit = "1m"
        memory-budget = "2m"
        insecure = true
        ca-file = "ca.pem"
        client-cert = "client.pem"
        tls-min = "1.0"
        tls-max = "1.2"
        ciphers = "HIGH"
        redact-header = ["X-Mine"]
        redact-parameter = ["mine"]
        require-hook = ["guard"]
        allow-target = ["*"]
        deny-target = ["10.0.0.0/8"]
        max-queued = 4
        client-enqueues = 5
        client-queued = 6
        client-bytes = "7k"
        max-watchers = 3
        client-watchers = 2
        drain-timeout = "500ms"
        disk-floor = "1m"
        metrics-listen = "127.0.0.1:0"
        log-level = "debug"
        log-format = "json"
        turns = "fair"
        """
    )
    result = serve("--config", str(file))
    assert result.exit_code == 0, result.output
    (config,) = seen
    default = Config()
    unset = {"connect_timeout", "read_timeout", "total_timeout", "notify_socket"}
    for name in Config.__dataclass_fields__:
        assert (getattr(config, name) == getattr(default, name)) == (name in unset), name
    assert config.client_replay == (Path("a.mitm"), Path("b.mitm"))
    assert config.drain_timeout == 0.5
    assert (config.retention_age, config.retention_size) == (7 * 86400, 8 << 30)


def test_a_repeatable_option_may_have_one_value_in_the_file(
    seen: list[Config], tmp_path: Path
) -> None:
    file = tmp_path / "replayd.toml"
    file.write_text('listen = "127.0.0.1:0"\n')
    assert serve("--config", str(file)).exit_code == 0
    assert seen[0].listen == ("127.0.0.1:0",)


def test_a_flag_turns_off_what_the_file_turns_on(seen: list[Config], tmp_path: Path) -> None:
    file = tmp_path / "replayd.toml"
    file.write_text("insecure = true\npaused = true\nephemeral = true\n")
    serve("--config", str(file), "--no-insecure", "--no-paused", "--no-ephemeral")
    assert seen == [Config()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("concurency = 2", "there is no option `concurency`; did you mean `concurrency`?"),
        ("concurrency = ", "replayd.toml: it is no TOML: Invalid value"),
        ("concurrency = 0", "Invalid value for '--concurrency': 0 is not in the range"),
        ("concurrency = 0", "(in the file that --config names)"),
        ("body-size-limit = 'big'", "'big' is not a size"),
        ("total-timeout = '0s'", "'0s' would leave no time"),
        ("connect-timeout = '0.1ms'", "'0.1ms' would leave no time"),
        ("drain-timeout = '36501d'", "is longer than 36500d"),
        ("memory-budget = 0", "0 would leave no room"),
        ("body-size-limit = '0k'", "0 would leave no room"),
        ("retention-size = '2000000000g'", "more than any disk has"),
        ("max-watchers = 1000000000", "not in the range 1<=x<=100000"),
        ("max-queued = 10000000000", "not in the range 0<=x<=1000000000"),
        ("redact-header = ''", "a name has no characters"),
        ("redact-parameter = ['a', ' ']", "a name has no characters"),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    seen: list[Config], tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "replayd.toml"
    file.write_text(text)
    result = serve("--config", str(file))
    assert (result.exit_code, seen) == (2, [])
    assert words in result.output


def test_a_missing_file_is_refused(seen: list[Config]) -> None:
    result = serve("--config", "/nowhere.toml")
    assert (result.exit_code, seen) == (2, [])
    assert "--config /nowhere.toml: No such file or directory\n" in result.output


def test_a_wrong_variable_is_refused_by_name(seen: list[Config]) -> None:
    result = serve(env={"REPLAYD_MAX_WATCHERS": "many"})
    assert (result.exit_code, seen) == (2, [])
    assert "(in the environment: REPLAYD_MAX_WATCHERS)" in result.output
    assert "environment" not in serve("--max-watchers", "many").output


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("no"), 2), (JournalError("in use"), 4), (DiskError("the disk is gone"), 74)],
)
def test_what_stops_the_daemon_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(_: Config) -> None:
        raise error

    monkeypatch.setattr(daemon, "run", fail)
    result = serve()
    assert result.exit_code == code
    assert result.output == f"replayd: {error}\n"


def test_version_and_help_need_no_daemon() -> None:
    runner = CliRunner()
    assert runner.invoke(cli.main, ["--version"]).output == f"replayd, version {__version__}\n"
    assert "--client-replay" in runner.invoke(cli.main, ["serve", "--help"]).output


def test_the_help_tells_the_defaults() -> None:
    text = CliRunner().invoke(cli.main, ["serve", "--help"]).output
    for name, value, shown in (
        ("connect_timeout", parse_duration("10s"), "10s"),
        ("read_timeout", parse_duration("60s"), "60s"),
        ("total_timeout", parse_duration("5m"), "5m"),
        ("drain_timeout", parse_duration("10s"), "10s"),
        ("body_size_limit", parse_size("64m"), "64m"),
    ):
        assert getattr(Config(), name) == value
        option = "--" + name.replace("_", "-")
        assert f"({shown})" in text[text.index(option) :].split("\n  --")[0]
