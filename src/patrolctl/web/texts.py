"""Texts from outside, as they are told to people."""


def shown(name: str) -> str:
    """A file's name: no line breaks, nothing invisible."""
    return "".join(c for c in name if c.isprintable()).strip() or "upload"
