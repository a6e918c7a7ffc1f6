"""Keeps the memory of a process that runs for months to what is used of it.

glibc gives each of the first threads an arena of its own, none of which uses what is free in
another, and gives back to the system only what is free at an arena's end. Both make a daemon
grow for hours whose Python objects and connections are as many as before. And Python looks
for garbage in cycles seldom: of a call that failed, they can hold messages of a MiB.
Elsewhere than on glibc only that is done. And asyncio brings OpenSSL along, which most daemons
never use.

Source: mallopt(3), malloc_trim(3).
"""

import ctypes
import gc
import sys

GIVE_BACK_SECONDS = 60.0
"""How often free memory goes back to the system. It takes some milliseconds, in which no other
thread gets memory from the heap, and a millisecond in which no other runs: too long for each
second, nothing in a minute.
"""

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h."""

_libc = ctypes.CDLL(None)


def load_asyncio() -> None:
    """Loads asyncio without `ssl`, which it takes along where it finds it: two MiB.

    asyncio has no TLS then, as where Python was built without OpenSSL. It needs none: gRPC has
    its own, and the wire loads `ssl` for the first replay that speaks TLS.
    """
    if not {"asyncio", "ssl"} & sys.modules.keys():
        # What the import system documents for a module that is not to be had.
        sys.modules["ssl"] = None  # type: ignore[assignment]
        try:
            import asyncio  # noqa: F401, PLC0415
        finally:
            del sys.modules["ssl"]


def use_one_arena() -> None:
    """Has all threads that begin from now on share the main thread's arena."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_ARENA_MAX, 1)


async def keep_small() -> None:
    """Gives free memory back at once and each GIVE_BACK_SECONDS, until it is cancelled."""
    import asyncio  # noqa: PLC0415 - not before `load_asyncio`

    while True:
        await asyncio.to_thread(give_back)
        await asyncio.sleep(GIVE_BACK_SECONDS)


def give_back() -> None:
    """Collects garbage, and gives all whole pages that are free back to the system."""
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
