"""Who may call a real daemon: every kind of address with every kind of credential, another user
of the machine, and what becomes of tokens.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from flowreplay.v1 import event_pb2, replay_pb2
from flowreplay_client import (
    AccessFiles,
    ReplaydClientError,
    Unreachable,
    aio,
    connect,
    request_flow,
)

from replayd.config import Config
from replayd.daemon import run
from replayd.errors import ConfigError
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.programs import NEEDS, find
from tests.support.replayctl import replayctl

NOBODY = 65534
OTHER = "daemon.localhost"
"""A name that means this machine (RFC 6761 section 6.3), and that the daemon takes for what it
might be: an address of the network.
"""

ALICE, READER = "alice-has-all-roles-0123456789", "reader-only-reads-0123456789"
TOKENS = f"alice all {ALICE}\nreader read {READER}\ncert all cert:caller.test\n"


class Files(NamedTuple):
    """What a daemon and its callers have."""

    tokens: Path
    certificate: Path
    key: Path
    authority: Path
    alice: Path
    reader: Path
    caller: Path
    """A certificate with its key."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Files:
    folder = tmp_path_factory.mktemp("access")
    texts = {"tokens": TOKENS, "alice": ALICE, "reader": READER}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    certificate, key = authority.files(OTHER, "127.0.0.1")
    chain, caller_key = authority.files("caller.test")
    (folder / "caller").write_bytes(chain.read_bytes() + caller_key.read_bytes())
    return Files(
        folder / "tokens",
        certificate,
        key,
        authority.ca_file,
        folder / "alice",
        folder / "reader",
        folder / "caller",
    )


def options(files: Files, credentials: str) -> dict[str, Path]:
    """The daemon's options for one column of the matrix, as fields of its Config."""
    found: dict[str, Path] = {}
    if credentials != "nothing":
        found["token_file"] = files.tokens
    if credentials in {"TLS and token", "mTLS"}:
        found |= {"tls_cert": files.certificate, "tls_key": files.key}
    if credentials == "mTLS":
        found["tls_client_ca"] = files.authority
    return found


def shown(files: Files, daemon: Daemon, address: str, credentials: str) -> AccessFiles:
    """What a caller shows that is let in."""
    if address.startswith("unix:"):
        return AccessFiles()
    return {
        "nothing": AccessFiles(token_file=daemon.token_file),
        "token": AccessFiles(token_file=files.alice),
        "TLS and token": AccessFiles(token_file=files.alice, ca_file=files.authority),
        "mTLS": AccessFiles(client_cert=files.caller, ca_file=files.authority),
    }[credentials]


@pytest.mark.parametrize(
    ("credentials", "hosts"),
    [
        ("nothing", ["127.0.0.1:0", "unix:"]),
        ("token", ["127.0.0.1:0"]),
        ("TLS and token", ["127.0.0.1:0", f"{OTHER}:0"]),
        ("mTLS", ["127.0.0.1:0", f"{OTHER}:0"]),
    ],
)
def test_what_the_matrix_allows_serves_who_is_known_and_nobody_else(
    files: Files,
    start_daemon: Callable[..., Daemon],
    open_folder: Path,
    credentials: str,
    hosts: list[str],
) -> None:
    arguments = ["--ephemeral"]
    for host in hosts:
        arguments += ["--listen", f"unix:{open_folder}/s.sock" if host == "unix:" else host]
    for name, path in options(files, credentials).items():
        arguments += [f"--{name.replace('_', '-')}", str(path)]
    daemon = start_daemon(*arguments)
    for address in daemon.addresses:
        with connect(address, **shown(files, daemon, address, credentials)) as client:
            assert client.status().journal == "memory"
        if address.startswith("unix:"):
            continue
        tls = AccessFiles(ca_file=files.authority) if "--tls-cert" in arguments else AccessFiles()
        with connect(address, **tls) as stranger, pytest.raises(ReplaydClientError) as caught:
            stranger.count()
        # Who shows no certificate where one must be shown is not even answered.
        assert caught.value.reason == "TOKEN_MISSING" or isinstance(caught.value, Unreachable)


@pytest.mark.parametrize(
    ("address", "credentials", "said"),
    [
        ("unix:x.sock", "token", "--token-file: a Unix socket asks nobody"),
        ("unix:x.sock", "TLS and token", "--token-file: a Unix socket asks nobody"),
        ("unix:x.sock", "mTLS", "--token-file: a Unix socket asks nobody"),
        (f"{OTHER}:0", "nothing", "--tls-cert and --tls-key and --token-file are missing"),
        (f"{OTHER}:0", "token", "--tls-cert and --tls-key are missing"),
    ],
)
def test_what_it_refuses_stops_the_start_before_anything_else(
    files: Files, tmp_path: Path, address: str, credentials: str, said: str
) -> None:
    data = tmp_path / "data"
    given = options(files, credentials)
    with pytest.raises(ConfigError, match=said):
        run(Config(listen=(address,), data_dir=data, **given))  # type: ignore[arg-type]
    assert not data.exists()


@pytest.fixture(scope="module")
def daemon(files: Files) -> Iterator[Daemon]:
    """A daemon with a token file, whose queue stands still."""
    listen = ["--listen", "127.0.0.1:0", "--token-file", str(files.tokens)]
    with Daemon("--ephemeral", "--paused", *listen) as daemon:
        yield daemon


FLOW = request_flow("GET", "http://127.0.0.1:1/")


def test_the_client_shows_its_token_with_every_call(daemon: Daemon, files: Files) -> None:
    with connect(daemon.address, token_file=files.alice) as client:
        batch = client.enqueue([FLOW])
        assert len(list(client.plan([FLOW]))) == 1
        with client.watch(start=batch.cursor) as watch:
            assert next(watch).batch_id == batch.batch_id
        with client.export(batch.batch_id, "har") as export:
            assert b"".join(export)
        assert len(list(client.replays(batch_id=batch.batch_id))) == 1
        assert client.count(batch.batch_id).queued_count == 1
        assert client.clear(batch.batch_id).cleared_count == 1
        assert client.resume().changed
        assert client.pause().changed


def test_so_does_the_one_for_asyncio(daemon: Daemon, files: Files) -> None:
    async def calls() -> None:
        async with aio.connect(daemon.address, token_file=files.alice) as client:
            batch = await client.enqueue([FLOW])
            async with client.plan([FLOW]) as plans:
                assert len([flow async for flow in plans]) == 1
            async with await client.watch(start=batch.cursor) as watch:
                assert (await anext(watch)).batch_id == batch.batch_id
            async with await client.export(batch.batch_id, "har") as export:
                assert [piece async for piece in export]
            assert len([each async for each in client.replays(batch_id=batch.batch_id)]) == 1
            assert (await client.count(batch.batch_id)).queued_count == 1
            assert (await client.clear(batch.batch_id)).cleared_count == 1
            assert (await client.resume()).changed
            assert (await client.pause()).changed

    asyncio.run(calls())


def test_replayctl_says_what_is_missing_and_what_to_do(daemon: Daemon, files: Files) -> None:
    ended = replayctl(daemon.address, "count")
    assert ended.code == 4
    assert "--token-file" in ended.stderr
    assert ended.stderr.endswith("[TOKEN_MISSING]\n")
    reader = replayctl(daemon.address, "--token-file", str(files.reader), "clear")
    assert reader.code == 4
    assert "reader may not do this: it needs the role `admin`, and has read" in reader.stderr
    variable = {"FLOWREPLAY_TOKEN_FILE": str(files.alice)}
    assert replayctl(daemon.address, "count", environment=variable).code == 0


def test_grpcurl_calls_over_tls(files: Files, start_daemon: Callable[..., Daemon]) -> None:
    arguments = ["--ephemeral", "--listen", "127.0.0.1:0"]
    for name, path in options(files, "TLS and token").items():
        arguments += [f"--{name.replace('_', '-')}", str(path)]
    command = [find("grpcurl"), "-cacert", files.authority, "-H", f"authorization: Bearer {READER}"]
    address = start_daemon(*arguments).address
    done = subprocess.run(
        [*command, address, "flowreplay.v1.ReplayService/Count"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert '"cursor"' in done.stdout, done


def test_a_new_token_file_counts_for_the_next_call(daemon: Daemon, files: Files) -> None:
    with connect(daemon.address, token_file=files.reader) as client:
        client.count()
        files.tokens.write_text(TOKENS.replace(READER, "another-token-9876543210"))
        with pytest.raises(ReplaydClientError) as caught:
            client.count()
        assert caught.value.reason == "TOKEN_INVALID"
        files.tokens.write_text("nonsense")
        with pytest.raises(ReplaydClientError):
            client.count()
        files.tokens.write_text(TOKENS)
        client.count()
    assert f"--token-file {files.tokens} can't be taken: line 1: " in daemon.log


def test_no_token_is_told_to_anybody(daemon: Daemon, files: Files, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("a-wrong-token-0123456789")
    told = []
    for file in (wrong, files.reader):
        with connect(daemon.address, token_file=file) as client:
            with pytest.raises(ReplaydClientError) as caught:
                client.clear()
            told.append(f"{caught.value} {caught.value.metadata}")
    with connect(daemon.address, token_file=files.alice) as client:
        told.append(str(client.status()))
    told += [daemon.log, *daemon.process.stdout]
    told += [
        Path(f"/proc/{daemon.process.pid}/{name}").read_text() for name in ("cmdline", "environ")
    ]
    for secret in (ALICE, READER, wrong.read_text()):
        assert not [text for text in told if secret in text]
    assert "refused a call from ipv4:127.0.0.1:" in daemon.log


def test_a_watch_follows_a_daemon_whose_restart_made_a_new_token(
    start_daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = start_daemon("--listen", "127.0.0.1:0")
    daemon.options = [daemon.address if each == "127.0.0.1:0" else each for each in daemon.options]
    monkeypatch.setenv("HOME", str(daemon.folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    first = daemon.token_file.read_text()
    with connect(daemon.address) as client, client.watch(kinds=["update"]) as watch:
        daemon.terminate(signal.SIGTERM)
        assert not daemon.token_file.exists()
        daemon.restart()
        assert daemon.token_file.read_text() != first
        client.pause()
        kinds = [next(watch).update.kind for _ in range(2)]
    assert kinds[-1] == event_pb2.UPDATE_KIND_PAUSED


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder with a short name that others may enter and read, but not change."""
    folder = Path(tempfile.mkdtemp(prefix="replayd-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Does what is in the block as another user of the machine; only root can."""
    if os.geteuid() != 0:
        pytest.skip(f"{NEEDS}root (to act as another user)")
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_another_user_of_the_machine_gets_nowhere(
    start_daemon: Callable[..., Daemon], open_folder: Path
) -> None:
    umask = os.umask(0)
    try:
        daemon = start_daemon(
            *("--listen", f"unix:{open_folder}/run/s.sock", "--listen", "127.0.0.1:0"),
            *("--data-dir", f"{open_folder}/data"),
            environment={"XDG_RUNTIME_DIR": str(open_folder)},
        )
    finally:
        os.umask(umask)
    daemon.stub().Count(replay_pb2.CountRequest())
    run_folder, tokens = open_folder / "run", open_folder / "replayd" / "tokens"
    (token,) = tokens.iterdir()
    # What is in the folders is closed too, should somebody open them.
    for folder in (run_folder, open_folder / "data", tokens.parent, tokens):
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o755)
    made = [path for path in open_folder.rglob("*") if not path.is_dir()]
    assert {path.name for path in made} >= {"s.sock", "s.sock.lock", "journal.db", token.name}
    with as_nobody():
        for path in made:
            # A link has no mode of its own; the data dir's one leads nowhere.
            if not path.is_symlink():
                assert path.stat().st_mode & 0o077 == 0, path
                with pytest.raises(PermissionError), socket.socket(socket.AF_UNIX) as other:
                    path.open().close() if not path.is_socket() else other.connect(str(path))
            with pytest.raises(PermissionError):
                path.unlink()
            with pytest.raises(PermissionError):
                path.rename(path.with_name("moved"))
        with pytest.raises(PermissionError):
            (open_folder / "other").symlink_to(open_folder / "run")
    daemon.stub().Count(replay_pb2.CountRequest())


def test_a_folder_that_another_user_has_linked_is_refused(tmp_path: Path) -> None:
    shared = Path(tempfile.mkdtemp(prefix="replayd-"))
    shared.chmod(0o1777)
    (tmp_path / "mine").mkdir(mode=0o700)
    try:
        with as_nobody():
            (shared / "run").symlink_to(tmp_path / "mine")
        with pytest.raises(ConfigError, match="belongs to another user"):
            run(Config(listen=(f"unix:{shared}/run/s.sock",), ephemeral=True))
    finally:
        shutil.rmtree(shared)
