"""The heap of a real process, as glibc tells of it."""

import subprocess
import sys

_PAGES = """
from replayd.heap import give_back

size = 60_000

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

kept = [b"x" * size for _ in range(1_000)]
pin = b"x" * size
before = resident()
kept.clear()
held = resident()
give_back()
assert held > before - 10_000_000, "free memory before used memory stays"
assert resident() < before - 50_000_000, "and is given back"
"""

_ARENAS = """
import ctypes, os, sys, tempfile, threading
from replayd.heap import use_one_arena

if sys.argv[1] == "one":
    use_one_arena()
size = 60_000
blocks, at_once = [], threading.Barrier(4)

def work():
    at_once.wait()
    blocks.append(b"x" * size)
    at_once.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    file = ctypes.c_void_p(libc.fopen(os.fsencode(told.name), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print(told.read().count(b"<heap "))
"""

_CYCLE = """
import gc, weakref
from replayd.heap import give_back

class Failed(Exception): pass

gc.disable()
failed = Failed()
failed.me = failed
gone = weakref.ref(failed)
del failed
assert gone() is not None
give_back()
assert gone() is None
"""

_ASYNCIO = """
from replayd.heap import load_asyncio

load_asyncio()
import asyncio, ssl, sys
assert sys.modules["asyncio.base_events"].ssl is None, "asyncio goes without"
assert ssl.create_default_context(), "and all others have it"
load_asyncio()
assert sys.modules["ssl"] is ssl, "once asyncio is there, it is left as it is"
"""


def _run(code: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_free_pages_are_given_back() -> None:
    _run(_PAGES)


def test_threads_share_one_arena() -> None:
    assert int(_run(_ARENAS, "many")) > 1
    assert int(_run(_ARENAS, "one")) == 1


def test_garbage_in_cycles_is_collected() -> None:
    _run(_CYCLE)


def test_asyncio_is_loaded_without_tls() -> None:
    _run(_ASYNCIO)
