"""XML from strangers: no document types, no entities, nothing fetched."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException, DTDForbidden, EntitiesForbidden
from defusedxml.ElementTree import fromstring

from patrolctl.domain.errors import InputError


def parsed(raw: bytes, source: str, *, largest: int, right: str) -> Element:
    """The root element.

    Raises:
        InputError: too large, no XML, or XML with a DTD or entities; one line.
    """
    if len(raw) > largest:
        raise InputError.one(source, f"has {len(raw):,} bytes", f"at most {largest:,}")
    try:
        root: Element = fromstring(raw, forbid_dtd=True)
    except (DTDForbidden, EntitiesForbidden):
        what = "has a document type or entities, which are not read"
        raise InputError.one(source, what, right) from None
    except DefusedXmlException:
        raise InputError.one(source, "refers to other documents", right) from None
    except (ParseError, ValueError, LookupError) as e:
        what = f"is not XML ({str(e)[:80]})"
        raise InputError.one(source, what, right) from None
    return root
