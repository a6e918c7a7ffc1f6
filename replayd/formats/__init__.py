"""Captures to flows: a thin front that sniffs, one pure codec a format.

`sniff` looks at the first bytes and hands the stream, unpacked on the way (`streams`), to
its codec (a row of its table):

`mitmproxy` flow dumps, with `mitmproxy_versions` and `mitmproxy_steps` (a migration step a
            version, made of `mitmproxy_edits`) on `tnetstring` and `tnetstring_parser` (the
            encoding). `fields` reads values of decoded structures by name and type. What is
            laid out as a flow before it is read by `mitmproxy_alike`,
            `mitmproxy_roles` and `tnetstring_layout`.
`har`       HAR files, cut into entries by `json_elements` and `json_extent`.
`goreplay`  GoReplay files.
`burp`      Burp Suite's exports, on `xml_elements`.
`saz`       Fiddler's archives, on `zip_archive`.
`http_requests` and `curl`: requests and commands that people write.

Where a capture holds messages as they were on the wire, `http1_messages` takes them apart
and `http1_flows` makes a flow's of them. `authority`, `header_fields` and `times` are small
things that several share. Captures are untrusted: whatever the bytes are, a codec yields
flows, and a DamagedFlow where one can't be read, in memory bounded by one record.
"""

from replayd.formats.sniff import Format, read_capture

__all__ = ["Format", "read_capture"]
