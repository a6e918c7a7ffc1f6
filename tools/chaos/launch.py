"""`replayd`, with something wrong in it: what the environment says is put in before it starts.

    CHAOS_FAILPOINT=accept:half:3 python -m tools.chaos.launch serve ...

`CHAOS_FAILPOINT` names a failpoint and its passing, `CHAOS_BUG` a bug. Nothing of this is in
the product, whose users have no such switch.
"""

import os

from replayd.cli import main
from tools.chaos.bugs import BUGS
from tools.chaos.failpoints import AT_START, Failpoint


def prepare(environment: "os._Environ[str]") -> None:
    """Puts in what the environment says."""
    if failpoint := environment.get("CHAOS_FAILPOINT"):
        name, _, passing = failpoint.rpartition(":")
        Failpoint(name, int(passing), armed=name in AT_START)
    if bug := environment.get("CHAOS_BUG"):
        BUGS[bug].put_in()


if __name__ == "__main__":
    prepare(os.environ)
    main()
