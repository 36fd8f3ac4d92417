"""The one-shot child in which espeak-ng runs: text on stdin, WAV in a file.

Run by path, isolated (``python -I espeak_child.py``), never imported: the
package around it would cost numpy and scipy at every start. In-process
pyttsx3 loses files, hangs and crashes when threads use it, espeak-ng can
smash its stack on some texts (espeak-ng #2495), and it is GPL-3: all three
are reasons for a process of its own that lives for one utterance.

Request, one JSON document on stdin:
``{"mode": "speak"|"phonemes", "voice", "rate_wpm", "text", "wav"}``.
Answer, the last line of stdout, JSON: ``{"ok": true, …}`` or
``{"ok": false, "why": …}``.
"""

import ctypes
import json
import os
import runpy
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import espeakng_loader

# Loaded first, so that pyttsx3 finds 1.52 under its soname, not Debian's 1.51,
# whose Mandarin is garbled.
_LIBRARY = ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)

import pyttsx3  # noqa: E402 - looks for the library while it is imported
from pyttsx3.drivers import _espeak  # noqa: E402

MEMORY_BYTES = 512 * 2**20
CPU_S = 20
WAIT_S = 25.0
SETTLE_MS = 5000
FILE_BYTES = 64 * 2**20
_SANDBOX = Path(__file__).with_name("sandbox.py")
# espeak-ng keeps its data path in char[160] (N_PATH_HOME, speech.h).
LONGEST_DATA_PATH = 140


class Refused(Exception):
    """The voice cannot do what was asked; the text goes to the parent."""


def data_path(scratch: str) -> str:
    """The voices' directory, by a short name where its own is too long."""
    path: str = espeakng_loader.get_data_path()
    if len(path) <= LONGEST_DATA_PATH:
        return path
    link = Path(scratch) / "espeak-ng-data"
    link.symlink_to(path)
    return str(link)


def in_order(set_parameter: Callable[..., int]) -> Callable[..., int]:
    """Make espeak_SetParameter return when it has been done.

    In the mode that pyttsx3 uses, a queue of espeak-ng sets the rate while the
    caller goes on to load the voice: on a busy machine one text in fifty came
    out a quarter too fast, as if pyttsx3's first rate of 200 were the last.
    """

    def done(parameter: int, value: int, relative: int = 0) -> int:
        result = set_parameter(parameter, value, relative)
        for _ in range(SETTLE_MS):
            same = _LIBRARY.espeak_GetParameter(parameter, 1) == value
            if result != 0 or (same and not _LIBRARY.espeak_IsPlaying()):
                return result
            time.sleep(0.001)
        raise Refused("espeak-ng does not take its settings")

    return done


class Listener:
    """What the engine told about one utterance, from its own thread."""

    def __init__(self) -> None:
        self.words = 0
        self.text_end = 0
        self.completed = False
        self.error = ""
        self.done = threading.Event()

    def connect(self, engine: "pyttsx3.Engine") -> None:
        """Subscribe to the engine, and to faults inside its C callback."""
        engine.connect("started-word", self.on_word)
        engine.connect("finished-utterance", self.on_finished)
        engine.connect("error", self.on_error)
        sys.unraisablehook = self.on_unraisable

    def on_word(self, name: str, location: int, length: int) -> None:
        """The voice began a word at ``location`` (from 1)."""
        del name
        self.words += 1
        self.text_end = max(self.text_end, location - 1 + length)

    def on_finished(self, name: str, completed: bool) -> None:  # noqa: FBT001 - theirs
        """The WAV is written and closed."""
        del name
        self.completed = completed
        self.done.set()

    def on_error(self, name: str, exception: Exception) -> None:
        """The engine refused a setting or the text."""
        del name
        self.error = str(exception)
        self.done.set()

    def on_unraisable(self, fault: "sys.UnraisableHookArgs") -> None:
        """The callback that writes the file failed (disk full, …)."""
        self.error = str(fault.exc_value)
        self.done.set()


def speak(request: dict[str, object]) -> dict[str, object]:
    """Render into ``wav``; tells how far into the text the voice came."""
    heard = Listener()
    _espeak.SetParameter = in_order(_espeak.SetParameter)
    engine = pyttsx3.init("espeak")
    engine.setProperty("voice", request["voice"])
    engine.setProperty("rate", request["rate_wpm"])
    heard.connect(engine)
    engine.save_to_file(request["text"], request["wav"])
    engine.runAndWait()
    # runAndWait may return while the voice still speaks: pyttsx3 runs its own
    # end-of-loop command before it starts the synthesis.
    heard.done.wait(WAIT_S)
    if heard.error:
        raise Refused(f"the voice failed: {heard.error}")
    if not heard.completed:
        raise Refused("the voice stopped before the end of the text")
    return {"words": heard.words, "text_end": heard.text_end}


def phonemes(lib: ctypes.CDLL, request: dict[str, object]) -> dict[str, object]:
    """espeak-ng's phoneme names for the text, clauses joined by a space."""
    synchronous = 2
    if lib.espeak_Initialize(synchronous, 0, None, 0) < 0:
        raise Refused("espeak-ng does not start")
    if lib.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
        raise Refused(f"there is no voice {request['voice']}")
    lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
    utf8 = 1
    rest = ctypes.c_char_p(str(request["text"]).encode())
    clauses = []
    while rest.value:
        clause = lib.espeak_TextToPhonemes(ctypes.byref(rest), utf8, 0)
        clauses.append(clause.decode())
    return {"phonemes": " ".join(c for c in clauses if c)}


def answer(raw: bytes) -> dict[str, object]:
    """Do what the request says."""
    request = json.loads(raw)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ESPEAK_DATA_PATH"] = data_path(scratch)
        if request["mode"] == "phonemes":
            return phonemes(_LIBRARY, request)
        return speak(request)


def main() -> None:
    """Read the request, answer, and leave without running destructors."""
    runpy.run_path(str(_SANDBOX))["confine"](
        memory_bytes=MEMORY_BYTES, cpu_s=CPU_S, file_bytes=FILE_BYTES
    )
    try:
        reply = {"ok": True, **answer(sys.stdin.buffer.read())}
    except (Refused, ValueError, OSError, RuntimeError, MemoryError) as e:
        reply = {"ok": False, "why": str(e) or type(e).__name__}
    sys.stdout.write("\n" + json.dumps(reply) + "\n")
    sys.stdout.flush()
    # espeak-ng asserts when it is torn down from Python (pyttsx3's note).
    os._exit(0)


if __name__ == "__main__":
    main()
