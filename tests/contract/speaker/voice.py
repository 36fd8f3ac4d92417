"""A mouth: tones as Opus packets, with the system's libopus."""

import ctypes
import math
import struct
from itertools import count

RATE_HZ, FRAME = 48_000, 960
VOIP = 2048


def libopus() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libopus.so.0")
    except OSError:
        return None


class Mouth:
    """20 ms packets of a tone, or of silence."""

    def __init__(self, hz: float = 440.0) -> None:
        self._lib = lib = libopus()
        assert lib is not None
        lib.opus_encoder_create.restype = ctypes.c_void_p
        lib.opus_encode.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int,
            ctypes.c_char_p, ctypes.c_int32,
        ]  # fmt: skip
        error = ctypes.c_int()
        self._state = lib.opus_encoder_create(RATE_HZ, 1, VOIP, ctypes.byref(error))
        assert error.value == 0
        self._hz = hz
        self._at = count()

    def frame(self, loud: float = 0.5) -> bytes:
        start = next(self._at) * FRAME
        wave = (
            int(32767 * loud * math.sin(2 * math.pi * self._hz * (start + n) / RATE_HZ))
            for n in range(FRAME)
        )
        pcm = struct.pack(f"<{FRAME}h", *wave)
        out = ctypes.create_string_buffer(1500)
        size = self._lib.opus_encode(self._state, pcm, FRAME, out, 1500)
        assert size > 0
        return out.raw[:size]
