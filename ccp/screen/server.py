"""Serving the page from this machine, and nothing else: no telemetry, no look-ups outside, until it is told to end."""

import asyncio
import signal
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.web.bootstrap import load_config_options, prepare_streamlit_environment
from streamlit.web.server import Server

from ccp.errors import refuse_argument

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FIRST_PORT, MOST_TRIED = 8501, 50
APP = Path(__file__).with_name("app.py")
OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "global.developmentMode": False,
    "logger.level": "error",
    "runner.magicEnabled": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "theme.light.primaryColor": "#1f6aa5",
    "theme.dark.primaryColor": "#5aa9e0",
}
"""The library's options that the page rests on. Those of a person's own configuration count beside them."""


def free_port(host: str, port: int | None) -> int:
    """The port asked for, or the first that is free. Raises InputError."""
    tried = [*range(FIRST_PORT, FIRST_PORT + MOST_TRIED), 0] if port is None else [port]
    why = ""
    for one in tried:
        try:
            return _bound(host, one)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
    name, value = ("host", host) if port is None else ("port", port)
    raise refuse_argument(name, f"a free port of this machine was expected at {host}: {why}", value=value)


def _bound(host: str, port: int) -> int:
    """The port, once it has been held for a moment; 0: one that the machine chooses. As for a server, a port that was
    let go a moment ago counts as free."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(address)
        return int(held.getsockname()[1])


def serve(host: str, port: int, browser: bool, ready: Callable[[str], None]) -> int:
    """Serve the page until a signal ends it. Returns that signal's number.

    `ready` is told the address once it answers; with `browser` it is opened there.
    """
    stated = OPTIONS | {"server.address": host, "server.port": port, "browser.serverPort": port}
    load_config_options({name.replace(".", "_"): value for name, value in stated.items()})
    shown = "localhost" if host in ("0.0.0.0", "::") else host
    address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    ended: list[int] = []
    asyncio.run(_serve(address, browser, ready, ended))
    return ended[0] if ended else 0


async def _serve(address: str, browser: bool, ready: Callable[[str], None], ended: list[int]) -> None:
    server, loop = Server(str(APP), False), asyncio.get_running_loop()

    def end(number: int, frame: object) -> None:
        ended.append(number)
        loop.call_soon_threadsafe(server.stop)

    prepare_streamlit_environment(str(APP))
    await server.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    ready(address)
    if browser:
        loop.run_in_executor(None, webbrowser.open, address)
    await server.stopped
