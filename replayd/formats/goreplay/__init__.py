"""GoReplay's files (`.gor`) to flows: each request with the response recorded for it.

`records` cuts a stream into records, `exchange` takes the messages in them apart, `window`
joins responses to their requests, `reader` is the way in.

What a request was captured with is kept byte for byte, as far as a flow can hold it: not
blanks between a field's colon and its value other than one space, and not line ends that
were LF alone, which is noted.
"""

from replayd.formats.goreplay.reader import read_goreplay
from replayd.formats.goreplay.records import begins_record

__all__ = ["begins_record", "read_goreplay"]
