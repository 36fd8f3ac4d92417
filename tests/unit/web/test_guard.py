import pytest

API = "/api/v1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),  # a program
        ({"origin": "http://127.0.0.1:8080"}, 202),
        ({"sec-fetch-site": "same-origin"}, 202),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 202),
        ({"host": "[::1]:8080"}, 202),
        ({"host": "["}, 403),
    ],
)
async def test_who_may_command(stage, headers, status) -> None:
    async with stage.open():
        answer = await stage.http.post(f"{API}/fleet/silence", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert all(s.silenced == 0 for s in stage.kit.speakers.values())


async def test_reading_needs_our_name_too(stage) -> None:
    async with stage.open():
        evil = {"host": "evil.example"}
        assert (await stage.http.get(f"{API}/runs", headers=evil)).status_code == 403
        linked = {"sec-fetch-site": "cross-site"}
        assert (await stage.http.get(f"{API}/runs", headers=linked)).status_code == 200


async def test_configured_names_and_origins(stage) -> None:
    more = {"hosts": ("ops.example",), "origins": ("http://localhost:5173",)}
    async with stage.open(**more):
        for headers in (
            {"host": "ops.example", "origin": "https://ops.example"},
            {"origin": "http://localhost:5173"},
        ):
            answer = await stage.http.post(f"{API}/fleet/silence", headers=headers)
            assert answer.status_code == 202
