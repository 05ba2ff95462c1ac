"""The only door to Ray. What it reads from the environment when it is loaded is decided here."""

import os

SECONDS = 5
"""How long a cluster may take to answer."""
RETRIES = 3
"""How often a task is done again whose worker was lost."""

_SETTINGS = {
    "RAY_gcs_rpc_server_connect_timeout_s": "2",
    "RAY_py_gcs_connect_timeout_s": str(SECONDS),
    "RAY_task_oom_retries": str(RETRIES),
}
"""Without these Ray tries for two minutes to reach what is no cluster, and for ever where memory does not suffice."""

_here = [name for name in _SETTINGS if name not in os.environ]
os.environ.update({name: _SETTINGS[name] for name in _here})
import ray  # noqa: E402
from ray.exceptions import RayError, RayTaskError  # noqa: E402
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

for _name in _here:
    del os.environ[_name]  # they are for this process, not for those of a Ray that it starts

__all__ = ["RETRIES", "SECONDS", "NodeAffinitySchedulingStrategy", "RayError", "RayTaskError", "ray"]
