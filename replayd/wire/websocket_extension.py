"""Joins `permessage_deflate` to wsproto's frames. Pure; with `websocket` the only module that
knows wsproto.

wsproto's own one inflates without a limit, takes the rest of a compressed message for plain
after a control frame amidst it, and loses its way after an empty message.
"""

from collections.abc import Callable, Iterator

from wsproto.extensions import Extension
from wsproto.frame_protocol import (
    CloseReason,
    FrameDecoder,
    FrameProtocol,
    Opcode,
    RsvBits,
)

from replayd.wire.permessage_deflate import Compressor, Deflate, Inflater, TooLargeError

_NO_BITS = RsvBits(rsv1=False, rsv2=False, rsv3=False)
_COMPRESSED = RsvBits(rsv1=True, rsv2=False, rsv3=False)


class PerMessageDeflate(Extension):
    """The extension of one connection, as a client has it."""

    name = "permessage-deflate"

    def __init__(self, agreed: Deflate, room: Callable[[], int]) -> None:
        """`room`: bytes that a message may still have."""
        self._out = Compressor(agreed.client_window_bits, forgets=agreed.client_forgets)
        self._in = Inflater(agreed.server_window_bits, forgets=agreed.server_forgets)
        self._room = room
        self._compressed = False
        """The message that is coming is."""
        self._passes = False
        """The frame that is coming goes through as it is."""

    def compress_in_pieces(self, content: bytes, size: int) -> Iterator[bytes]:
        """Compresses a message that is framed elsewhere; see `Compressor`."""
        return self._out.compress_in_pieces(content, size)

    def enabled(self) -> bool:
        """It was agreed on."""
        return True

    def offer(self) -> bool:
        """Not asked: the captured handshake offered it."""
        return True

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> RsvBits:
        """Says which reserved bits the frame may have: the first frame of a message one."""
        begins = opcode in (Opcode.TEXT, Opcode.BINARY)
        if begins:
            self._compressed = rsv.rsv1
        self._passes = opcode.iscontrol() or not self._compressed
        return _COMPRESSED if begins else _NO_BITS

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Inflates what came of a frame; a reason to close when that can't be."""
        if self._passes:
            return data
        return self._inflated(lambda: self._in.inflate(data, self._room()))

    def frame_inbound_complete(
        self, proto: FrameDecoder | FrameProtocol, fin: bool
    ) -> bytes | CloseReason | None:
        """Ends the message with its last frame."""
        if self._passes or not fin:
            return None
        return self._inflated(lambda: self._in.end_message(self._room()))

    def frame_outbound(
        self,
        proto: FrameDecoder | FrameProtocol,
        opcode: Opcode,
        rsv: RsvBits,
        data: bytes,
        fin: bool,
    ) -> tuple[RsvBits, bytes]:
        """Compresses a message."""
        if opcode.iscontrol():
            return rsv, data
        return _COMPRESSED, self._out.compress(data)

    def _inflated(self, inflate: Callable[[], bytes]) -> bytes | CloseReason:
        try:
            return inflate()
        except TooLargeError:
            return CloseReason.MESSAGE_TOO_BIG
        except ValueError:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
