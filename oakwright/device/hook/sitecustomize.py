"""Python loads this at its start, because the runner puts this folder on PYTHONPATH.

So that a script's own child processes get the virtual camera too: once ``depthai`` is imported,
it is replaced. A ``sitecustomize`` of the user's own is loaded as well.
"""

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 10 ms


def _load_users_own() -> None:
    for folder in sys.path:
        path = os.path.join(folder or ".", "sitecustomize.py")  # noqa: PTH118
        if os.path.abspath(folder or ".") != _HERE and os.path.isfile(path):  # noqa: PTH100, PTH113
            spec = importlib.util.spec_from_file_location("_users_sitecustomize", path)
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
            return


if os.environ.get("OAKWRIGHT_VIRTUAL_OAK"):
    importlib.import_module("oakwright.device.child").replace_on_import()
_load_users_own()
