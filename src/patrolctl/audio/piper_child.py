"""The one-shot child in which a piper voice runs: text on stdin, WAV in a file.

Run by path, isolated (``python -I piper_child.py``), never imported. Piper is
GPL-3 and optional, so it stays on this side of a process boundary; and a
neural network that goes astray takes only this process with it.

Request, one JSON document on stdin: ``{"model", "text", "wav",
"length_scale", "speaker"}``. Answer, the last line of stdout, JSON:
``{"ok": true, "sentences", "spoken", "sounds"}`` or ``{"ok": false, "why"}``.
"""

import json
import os
import runpy
import sys
import unicodedata
import wave
from pathlib import Path

# onnxruntime maps an arena and one stack a core besides the model.
MEMORY_BYTES = 6 * 2**30
CPU_S = 240
FILE_BYTES = 64 * 2**20
FILES = 256
# What the phonemizer gives, a sentence, without the punctuation piper keeps.
SENTENCE_PAUSE_S = 0.25
_SANDBOX = Path(__file__).with_name("sandbox.py")


class Refused(Exception):
    """The voice cannot do what was asked; the text goes to the parent."""


def unknown(sentences: list[list[str]], known: dict[str, list[int]]) -> str:
    """Sounds that the model has no number for: it would leave them out."""
    missing = {p for phonemes in sentences for p in phonemes if p not in known}
    return " ".join(
        sorted(m for m in missing if m and unicodedata.category(m[0])[0] in "LN")
    )


def speak(request: dict[str, object]) -> dict[str, object]:
    """Render into ``wav``; tells how many sentences it has and were spoken."""
    try:
        import onnxruntime  # noqa: PLC0415 - optional, told in one line
        from piper import PiperVoice, SynthesisConfig  # noqa: PLC0415
        from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP  # noqa: PLC0415
    except ImportError as e:
        raise Refused(f"piper is not installed ({e})") from None
    # The voice draws noise: with a seed the same text gives the same samples.
    onnxruntime.set_seed(1)
    voice = PiperVoice.load(str(request["model"]))
    sentences = [s for s in voice.phonemize(str(request["text"])) if s]
    missing = unknown(sentences, voice.config.phoneme_id_map or DEFAULT_PHONEME_ID_MAP)
    if missing:
        raise Refused(f"this voice has no sound for {missing}")
    settings = SynthesisConfig(
        speaker_id=request["speaker"], length_scale=request["length_scale"]
    )
    spoken = 0
    with wave.open(str(request["wav"]), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(voice.config.sample_rate)
        pause = bytes(2 * int(SENTENCE_PAUSE_S * voice.config.sample_rate))
        for chunk in voice.synthesize(str(request["text"]), settings):
            out.writeframes((pause if spoken else b"") + chunk.audio_int16_bytes)
            spoken += 1
    return {
        "sentences": len(sentences),
        "spoken": spoken,
        "sounds": sum(
            unicodedata.category(p[0])[0] in "LN" for s in sentences for p in s if p
        ),
    }


def main() -> None:
    """Read the request, answer, and leave without running destructors."""
    runpy.run_path(str(_SANDBOX))["confine"](
        memory_bytes=MEMORY_BYTES, cpu_s=CPU_S, file_bytes=FILE_BYTES, files=FILES
    )
    try:
        reply = {"ok": True, **speak(json.loads(sys.stdin.buffer.read()))}
    except Exception as e:  # noqa: BLE001 - theirs are many; each is one line to us
        reply = {"ok": False, "why": f"{str(e) or type(e).__name__}".split("\n")[0]}
    sys.stdout.write("\n" + json.dumps(reply) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
