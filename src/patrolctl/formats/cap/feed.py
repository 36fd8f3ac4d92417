"""Atom feeds of CAP messages: which documents they point to."""

from urllib.parse import urljoin, urlsplit

from patrolctl.formats.cap.read import LARGEST_BYTES
from patrolctl.formats.cap.xml import parsed

ATOM = "http://www.w3.org/2005/Atom"
MOST_LINKS = 100
_RIGHT = "a CAP 1.2 alert, or an Atom feed of alerts"


def links_of(raw: bytes, url: str) -> tuple[str, ...] | None:
    """The documents that a feed points to, on its own host; None: no feed.

    Raises:
        InputError: it is no XML that is read here.
    """
    root = parsed(raw, url, largest=LARGEST_BYTES, right=_RIGHT)
    if root.tag != f"{{{ATOM}}}feed":
        return None
    home = urlsplit(url)
    found: dict[str, None] = {}
    for link in root.findall(f"{{{ATOM}}}entry/{{{ATOM}}}link"):
        if link.get("rel", "alternate") != "alternate":
            continue
        target = urljoin(url, link.get("href", ""))
        where = urlsplit(target)
        # A feed must not make us ask other machines, those of our own net least.
        if (where.scheme, where.netloc) == (home.scheme, home.netloc):
            found[target] = None
    return tuple(found)[:MOST_LINKS]
