"""How long an Opus packet sounds, from its first byte (RFC 6716, 3.1)."""

RATE_HZ = 48_000
LONGEST_SAMPLES = 5760  # 120 ms
# Samples of a frame at 48 kHz, by configuration number.
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


def _frame_samples(config: int) -> int:
    if config < 12:
        return _SILK[config % 4]
    return _HYBRID[config % 2] if config < 16 else _CELT[config % 4]


def packet_samples(packet: bytes) -> int:
    """Samples at 48 kHz.

    Raises:
        ValueError: no Opus packet.
    """
    if not packet:
        msg = "empty"
        raise ValueError(msg)
    code = packet[0] & 3
    frames = {0: 1, 1: 2, 2: 2}.get(code)
    if frames is None:
        if len(packet) < 2 or packet[1] & 0x3F == 0:
            msg = "no frames"
            raise ValueError(msg)
        frames = packet[1] & 0x3F
    samples = _frame_samples(packet[0] >> 3) * frames
    if samples > LONGEST_SAMPLES:
        msg = "longer than 120 ms"
        raise ValueError(msg)
    return samples


def is_stereo(packet: bytes) -> bool:
    """Whether the packet has two channels."""
    return bool(packet[0] & 4)
