"""The journals that are damaged, made once."""

from collections.abc import Iterator

import pytest

from replayd.journal.sqlite import identity
from tools.corrupt.reference import Reference, references


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Reference]]:
    """As `kill -9` leaves one, and after a clean end. Copies count as the journal itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "home_of", lambda _: "here")
        yield references(tmp_path_factory.mktemp("whole"))
