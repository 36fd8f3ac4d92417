"""Text as people write it → text that the voice reads as people say it.

The voice reads room 1201 as "one thousand two hundred and one" and drops
full-width digits altogether, so numbers become words here, before synthesis.
"""

from patrolctl.audio.normalize.chinese import CANTONESE, MANDARIN, chinese
from patrolctl.audio.normalize.english import english
from patrolctl.audio.normalize.letters import tidy

__all__ = ["normalize"]


def normalize(text: str, lang: str) -> str:
    """The text as the voice is to read it.

    Args:
        text: as written; already checked (see ``audio.text``).
        lang: primary language: ``zh``, ``yue``, ``en``; any other language
            only has its white space and full-width characters tidied.
    """
    text = tidy(text)
    if lang == "zh":
        return chinese(text, MANDARIN)
    if lang == "yue":
        return chinese(text, CANTONESE)
    if lang == "en":
        return english(text)
    return text
