"""Starting Ray on this machine or joining one that runs: quietly, soon or not at all, leaving no trace."""

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from ccp.cluster.ray_door import SECONDS, ray
from ccp.cluster.ray_watch import watched
from ccp.errors import InputError, refuse_argument

LOCAL, AUTO = "local", "auto"
CLIENT = "ray://"
STORE_BYTES = 2**30
"""What a Ray started here sets aside for what is shared and for results; taken only as it fills."""
STARTS = 3
"""How often a Ray is started on this machine before giving up."""
SHORT = 24
"""Characters of the folder for temporary files, at most, so that the names of Ray's sockets fit."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_IGNORE_UNHANDLED_ERRORS": "1"}
ONE_TRY = {"RAY_gcs_server_port_wait_time_s": "1"}
TOKEN = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""Whoever would talk to a Ray started here needs it. One for the process: Ray reads it once."""


@contextmanager
def connection(address: str, cpus: int) -> Iterator[None]:
    """This process's connection with Ray. For the address `local` one of so many processors is started, and ended."""
    if address == AUTO and ray.is_initialized():
        yield  # opened by whoever calls us, and theirs to close
        return
    check_listened_at(address)
    if ray.is_initialized():
        raise refuse_argument("cluster", "this process is connected with a Ray already", value=address)
    with _environment(address), _unheard(), _scratch() as folder:
        started = {"num_cpus": cpus, "object_store_memory": STORE_BYTES, "_temp_dir": str(folder)}
        try:
            _connect(address, {"include_dashboard": False, **started} if address == LOCAL else {})
            with watched(folder) if address == LOCAL else nullcontext():
                yield
        finally:
            ray.shutdown()


def check_listened_at(address: str) -> None:
    """Refuse at once an address at which nobody listens. Raises InputError."""
    if address in (LOCAL, AUTO):
        return
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not (host and port.isdecimal()):
        raise refuse_argument("cluster", "host:port, ray://host:port, auto or local was expected", value=address)
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from None


def _connect(address: str, settings: dict[str, Any]) -> None:
    """Connect, or start: anew where a busy machine did not have all of Ray's processes up in its 15 seconds."""
    left = STARTS if address == LOCAL else 1
    while left:
        left -= 1
        try:
            with _silent(), _signals_kept():
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **settings)
            return
        except Exception as error:  # Ray has no error of its own for this, not even for a start that failed
            ray.shutdown()
            if not left:
                raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    if "InvalidAuthToken" in f"{error} {error.__cause__}":
        reason = "this one wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the same as there"
    return refuse_argument("cluster", f"a Ray cluster that answers was expected ({reason})", value=address)


@contextmanager
def _environment(address: str) -> Iterator[None]:
    """Ray's settings, where nobody has decided otherwise."""
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    os.environ.update(QUIET | (TOKEN if address == LOCAL else ONE_TRY) | before)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for Ray's logs and sockets; a socket's name may have about 100 characters, of which Ray takes most."""
    usual = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="ccp-", dir=usual if len(usual) <= SHORT else "/tmp")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing on standard error: no setting of Ray's keeps all of its lines from it."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _unheard() -> Iterator[None]:
    """Ray tells of lost workers on standard output, where results go. It has a switch, but no setting."""
    module = cast(Any, ray)._private.worker
    before = getattr(module, "_worker_logs_enabled", True)
    module._worker_logs_enabled = False
    try:
        yield
    finally:
        module._worker_logs_enabled = before


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray puts itself before our way of leaving on SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
