"""HAR files 1.1 and 1.2, as browsers, proxies and other tools really write them.

`reader` cuts a file into entries and turns each into a flow. `entry` reads an entry,
`url` where it went, `content` the bytes of its contents, `form` those of a form that is
given as parameters only, `websocket` what was said on one, `values` single values, whatever
a tool put there.

A HAR holds what a browser shows, not what was on the wire: contents as decoded text, URLs
in place of request targets. What can be told from it with certainty is told; what can't
(half a character, a file that was chosen in a form) is left out and noted.
"""

from replayd.formats.har.reader import read_har

__all__ = ["read_har"]
