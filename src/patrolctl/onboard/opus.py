"""Opus to samples, with the system's libopus.

Through ctypes: the library is 0.4 MB where a binding or PyAV would bring tens
of megabytes onto the companion computer. Debian: ``libopus0``.
"""

import ctypes
import math

from patrolctl.domain.errors import PatrolError

RATE_HZ = 48_000
LONGEST_FRAME = 5760  # samples of 120 ms at 48 kHz (opus_decode)
_NAMES = ("libopus.so.0", "libopus.0.dylib", "libopus-0.dll")
_SET_GAIN = 4034  # OPUS_SET_GAIN_REQUEST, opus_defines.h; Q8 dB
_LOWEST_GAIN = -32768


class OpusMissing(PatrolError):
    """There is no libopus here."""


class OpusBroken(PatrolError):
    """A packet that is none."""


def _load() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OpusMissing("libopus is missing: apt-get install libopus0")


class OpusDecoder:
    """Decodes one mono stream.

    Raises:
        OpusMissing: the library is not installed.
    """

    def __init__(self, volume_ratio: float = 1.0) -> None:
        self._lib = lib = _load()
        lib.opus_decoder_create.restype = ctypes.c_void_p
        lib.opus_decoder_create.argtypes = [
            ctypes.c_int32,
            ctypes.c_int,
            ctypes.POINTER(ctypes.c_int),
        ]
        lib.opus_decode.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_int16),
            ctypes.c_int,
            ctypes.c_int,
        ]
        lib.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
        lib.opus_decoder_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int]
        error = ctypes.c_int(0)
        self._state = lib.opus_decoder_create(RATE_HZ, 1, ctypes.byref(error))
        if error.value != 0 or not self._state:
            raise OpusMissing(f"libopus makes no decoder ({error.value})")
        self._samples = (ctypes.c_int16 * LONGEST_FRAME)()
        self.volume(volume_ratio)

    def volume(self, ratio: float) -> None:
        """Scale what comes out, 0 to 1."""
        gain = _LOWEST_GAIN if ratio <= 0 else round(256 * 20 * math.log10(ratio))
        self._lib.opus_decoder_ctl(
            self._state, _SET_GAIN, ctypes.c_int(max(_LOWEST_GAIN, min(0, gain)))
        )

    def decode(self, packet: bytes | None, lost: int = LONGEST_FRAME) -> bytes:
        """Samples of a packet, 16 bit; None conceals ``lost`` samples.

        Raises:
            OpusBroken: no Opus packet.
        """
        room = LONGEST_FRAME if packet is not None else lost
        size = 0 if packet is None else len(packet)
        count = self._lib.opus_decode(self._state, packet, size, self._samples, room, 0)
        if count < 0:
            raise OpusBroken(f"no Opus packet ({count})")
        return ctypes.string_at(self._samples, count * 2)

    def close(self) -> None:
        """Free the decoder."""
        if self._state:
            self._lib.opus_decoder_destroy(self._state)
            self._state = None
