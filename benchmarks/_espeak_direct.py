"""espeak-ng called directly, one text after another: no pyttsx3, no children.

Run by path as a process of its own. JSON on stdin: ``[{"voice", "rate_wpm",
"text"}, …]``. On stdout, for each text: a count of samples (little-endian
uint32) and as many 16-bit samples at 22,050 Hz.
"""

import ctypes
import json
import struct
import sys

import espeakng_loader

SYNCHRONOUS, RATE, UTF8, BY_CHARACTER = 2, 1, 1, 1
RATE_HZ = 22050


def main() -> None:
    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    if lib.espeak_Initialize(SYNCHRONOUS, 0, data, 0) != RATE_HZ:
        sys.exit("espeak-ng does not start at 22,050 Hz")
    heard = bytearray()

    @ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )
    def take(samples: object, count: int, _events: object) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    lib.espeak_SetSynthCallback(take)
    for order in json.load(sys.stdin):
        heard.clear()
        if lib.espeak_SetVoiceByName(order["voice"].encode()):
            sys.exit(f"there is no voice {order['voice']}")
        lib.espeak_SetParameter(RATE, order["rate_wpm"], 0)
        text = order["text"].encode()
        lib.espeak_Synth(
            text, len(text) + 1, 0, BY_CHARACTER, 0, UTF8, None, None
        )  # fmt: skip
        sys.stdout.buffer.write(struct.pack("<I", len(heard) // 2) + heard)


if __name__ == "__main__":
    main()
