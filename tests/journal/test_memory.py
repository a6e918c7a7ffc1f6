"""The store in memory; what it has in common with others is tested with them."""

from replayd.journal.memory import open_memory
from tests.support.journals import NOW


def test_each_is_a_store_of_its_own() -> None:
    first, second = open_memory(NOW), open_memory(NOW)
    assert first.info.kind == "memory"
    assert first.info.store_id != second.info.store_id
