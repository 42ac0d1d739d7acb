"""Write protocol buffers: the three encodings that an ONNX file is made of, without the onnx package.

Numbers and bytes in, bytes out (https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

import struct

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""


def varint(value: int) -> bytes:
    """Return an integer, seven bits a byte, the lowest first; a negative one as its 64-bit two's complement."""
    out, rest = bytearray(), value & 0xFFFF_FFFF_FFFF_FFFF
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def message(number: int, payload: bytes | str) -> bytes:
    """Return a field that holds bytes, a string or another message."""
    data = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def number(number: int, value: int) -> bytes:
    """Return a field that holds an integer."""
    return varint(number << 3 | VARINT) + varint(value)


def float32(number: int, value: float) -> bytes:
    """Return a field that holds a 32-bit float."""
    return varint(number << 3 | FIXED32) + struct.pack("<f", value)
