"""How a training shares the processor. Loads nothing: it must be asked before torch is loaded."""

from __future__ import annotations

import os


def share_processor() -> None:
    """Let torch's threads sleep while they wait for each other, instead of turning in a loop.

    Beside other work on the same cores, waiting threads that do not give way cost a training half
    of its speed and more. What the user has set in OMP_WAIT_POLICY stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
