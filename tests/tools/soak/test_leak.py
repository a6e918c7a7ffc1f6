"""The leak that is seeded, so that a soak has something to catch."""

from unittest.mock import patch

from replayd.journal.recent import Recent
from replayd.journal.store import StoredEvent
from replayd.model.event import EventKind
from tools.soak import leak


def test_each_event_leaks_its_bytes_and_is_kept_as_ever() -> None:
    with patch.object(Recent, "append", Recent.append), patch.object(leak, "_lost", []) as lost:
        leak.seed(800)
        recent = Recent()
        recent.append([StoredEvent(7, EventKind.LOG, "", b"body")])
        assert [len(each) for each in lost] == [100]
        assert list(recent.after(6, 7) or ()) == [StoredEvent(7, EventKind.LOG, "", b"body")]
