"""Captures to flows: a thin front that sniffs, one pure codec a format.

`sniff` looks at the first bytes and hands the stream to its codec (a row of its table).
`mitmproxy` reads flow dumps, with `mitmproxy_versions` and `mitmproxy_steps` (a migration
step a version, made of `mitmproxy_edits`) on `tnetstring` and `tnetstring_parser` (the
encoding). `fields` reads values of decoded structures by name and type. Captures are untrusted: whatever the
bytes are, a codec yields flows or raises CaptureError, in memory bounded by one record.
"""

from replayd.formats.sniff import Format, read_capture

__all__ = ["Format", "read_capture"]
