"""What travels to a comparing process and back (`workers.frames`).

To it: KEY once, that of `Redactor`; then for each comparison RULES (a `DiffRequest`), RECORDED
and REPLAYED (both a `Response` without its content), and their contents in this order, each in
PIECEs with an END. From it: SHOWN, WHOLE (both a `Comparison`, with marks and with
secrets) and NOISE (rules, as JSON).

An answer to be looked through for live values is SOURCES (as JSON), REPLAYED and a PIECE, its
content unpacked; FOUND (texts of Latin-1 for each source, as JSON) comes back.
"""

from enum import IntEnum


class Frame(IntEnum):
    """Kinds of frames."""

    KEY = 1
    RULES = 2
    RECORDED = 3
    REPLAYED = 4
    PIECE = 5
    END = 6
    SHOWN = 7
    WHOLE = 8
    NOISE = 9
    SOURCES = 10
    FOUND = 11
