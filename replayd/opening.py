"""The journal's opening: the store that the Config asks for, and what an operator is told of it."""

import logging
import time

from replayd.config import Config
from replayd.errors import JournalError
from replayd.journal.interface import Journal

_log = logging.getLogger(__name__)


def open_journal(config: Config) -> Journal:
    """Opens or makes the journal, which takes a while: for a thread. Raises JournalError."""
    strict, fair = config.concurrency == 1, config.turns == "fair"
    # Imported here: a daemon loads the store that it uses.
    if config.ephemeral:
        from replayd.journal.memory import open_memory  # noqa: PLC0415

        return open_memory(time.time_ns(), strict_order=strict, fair=fair)
    from replayd.journal.sqlite import open_sqlite  # noqa: PLC0415
    from replayd.journal.sqlite.mounts import network_file_system  # noqa: PLC0415
    from replayd.journal.sqlite.transaction import Synchronous  # noqa: PLC0415

    if kind := network_file_system(config.data_dir):
        _heed_network_disk(config, kind)
    synchronous: Synchronous = "FULL"
    if config.synchronous == "normal":
        synchronous = "NORMAL"
        _log.warning(
            "--synchronous normal: a power cut or a crash of the system loses the last flows that "
            "were accepted and the last outcomes and events; what was sent may be sent twice"
        )
    return open_sqlite(
        config.data_dir,
        time.time_ns(),
        synchronous,
        strict_order=strict,
        fair=fair,
        disk_floor=config.disk_floor,
    )


def _heed_network_disk(config: Config, kind: str) -> None:
    """Warns of a data dir on a network file system, or raises JournalError."""
    why = (
        f"{config.data_dir} is on a network file system ({kind}), whose locks and syncs can't be "
        "trusted: two daemons may own it at once, and what was accepted may be lost"
    )
    if not config.allow_network_disk:
        raise JournalError(
            f"{why}; choose a --data-dir on a disk of this machine, or take the risk with "
            "--allow-network-disk"
        )
    _log.warning("--allow-network-disk: %s", why)


def say_what_it_holds(journal: Journal) -> None:
    """Logs what somebody has to decide about: at each start."""
    if journal.info.copied:
        _log.warning(
            "the journal is a copy of another one, or restored: cursors of that one are "
            "refused; %s",
            "the queue is paused, for what waits in it may have been sent since: see "
            "`replayctl list`, then `replayctl resume` or `clear`"
            if journal.paused
            else "nothing waits in it",
        )
    if parked := journal.count("").parked:
        _log.warning(
            "%d replays are parked: a death of the daemon interrupted them, and they may have been "
            "sent; `replayctl list --parked` has them, `replayctl resolve` sends or drops them",
            parked,
        )
    if held := journal.held_sessions:
        _log.warning("%d sessions wait until what is parked of them is resolved", held)
