"""Files that come as the body of a request."""

from fastapi import Request

from patrolctl.domain.errors import InputError


async def uploaded(request: Request, most_bytes: int, too_large: InputError) -> bytes:
    """The whole body, refused as soon as it is longer than it may be.

    Raises:
        InputError: ``too_large``.
    """
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > most_bytes:
            raise too_large
    return bytes(raw)


def larger_than(name: str, most_bytes: int) -> InputError:
    """What is said of a file that is too large, in MiB."""
    right = f"at most {most_bytes >> 20} MiB"
    return InputError.one(name, "is too large", right)
