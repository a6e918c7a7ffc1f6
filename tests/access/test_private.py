"""What is private is nobody else's to read, to change, or to put another one in place of."""

import os
from pathlib import Path

import pytest

from replayd.access.private import private_folder, read_private
from replayd.errors import ConfigError


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("kept")
    path.chmod(0o600)
    return path


def test_a_private_file_is_read_also_by_a_link(secret: Path, tmp_path: Path) -> None:
    assert read_private(secret, "--x") == b"kept"
    (tmp_path / "link").symlink_to(secret)
    assert read_private(tmp_path / "link", "--x") == b"kept"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o611, 0o644])
def test_a_file_that_others_may_touch_is_refused(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(ConfigError, match=rf"--x {secret}: others .* `chmod 600 {secret}`"):
        read_private(secret, "--x")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigError, match="it is no file"):
            read_private(tmp_path / name, "--x")
    with pytest.raises(ConfigError, match=f"--x {tmp_path}/none: No such file"):
        read_private(tmp_path / "none", "--x")


def test_a_file_that_never_ends_is_not_read_to_its_end(secret: Path) -> None:
    os.truncate(secret, (1 << 20) + 1)
    with pytest.raises(ConfigError, match="larger than"):
        read_private(secret, "--x")


def test_another_user_s_file_is_refused(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = secret.stat().st_uid
    if not owner:
        os.chown(secret, 4242, -1)
        owner = 4242
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        read_private(secret, "--x")


def test_a_folder_is_made_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        private_folder(tmp_path / "run", "--x")
    finally:
        os.umask(umask)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o702, 0o720, 0o777])
def test_a_folder_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ConfigError, match=f"--x: .* `chmod go-w {folder}`"):
        private_folder(folder, "--x")


def test_a_folder_in_one_that_others_can_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match=f"`chmod go-w {tmp_path}/open`"):
        private_folder(tmp_path / "open/between/run", "--x")
    # Where only its owner can rename or remove an entry nobody can take its place.
    (tmp_path / "open").chmod(0o1777)
    private_folder(tmp_path / "open/between/run", "--x")


def test_the_owner_of_the_root_folder_is_as_good_as_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    stat = Path.stat

    def unmapped(path: Path, **attributes: bool) -> os.stat_result:
        status = stat(path, **attributes)
        if path == tmp_path / "run":
            return status
        return os.stat_result((*status[:4], 65534, *status[5:]))

    monkeypatch.setattr(Path, "stat", unmapped)
    private_folder(tmp_path / "run", "--x")


def test_a_link_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "run")
    private_folder(tmp_path / "link", "--x")
    lstat = Path.lstat

    def swapped(path: Path) -> os.stat_result:
        status = lstat(path)
        if path.name != "link":
            return status
        return os.stat_result((*status[:4], 4242, *status[5:]))

    monkeypatch.setattr(Path, "lstat", swapped)
    with pytest.raises(ConfigError, match="belongs to another user"):
        private_folder(tmp_path / "link", "--x")
