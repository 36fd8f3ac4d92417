import socket

import httpx
import pytest
from fastapi import FastAPI

from patrolctl.app.http import serving
from patrolctl.app.listening import PortTaken, address, bind
from patrolctl.domain.errors import InputError


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as refused:
            bind("127.0.0.1", port)
    assert str(refused.value) == (
        f"port {port} on 127.0.0.1: address already in use; another one with --port"
    )
    assert isinstance(refused.value, InputError)
    assert refused.value.exit_code == 2


def test_a_foreign_address_is_refused() -> None:
    with pytest.raises(PortTaken):
        bind("203.0.113.1", 0)


async def test_it_serves_on_the_bound_socket_and_stops() -> None:
    app = FastAPI()

    @app.get("/")
    async def root() -> str:
        return "here"

    listener = bind("127.0.0.1", 0)
    with listener:
        async with serving(app, listener) as url:
            assert url == address(listener)
            async with httpx.AsyncClient() as client:
                assert (await client.get(url)).json() == "here"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1)
