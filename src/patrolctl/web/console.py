"""The console's files, or a page that says how to build them."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

MISSING = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>patrolctl</title>
<h1>patrolctl is running, its console is not built</h1>
<p>Build it with <code>make console</code> in the checkout and load this page again.</p>
<p>The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</html>
"""


def mount_console(app: FastAPI, static_dir: Path) -> None:
    """Serve the console at ``/``; it must be mounted last."""
    if (static_dir / "index.html").is_file():
        app.mount("/", StaticFiles(directory=static_dir, html=True), name="console")
        return

    async def missing() -> HTMLResponse:
        # 503, so that nobody's check takes this page for the console.
        return HTMLResponse(MISSING, status_code=503)

    app.add_api_route("/", missing, include_in_schema=False)
