"""What is wrong with a layer: the one record that checks and the legaliser report in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing about one layer that the user should know.

    ``layer`` is the layer's name in the model that was looked at, ``op`` its operation with the
    opset (``NonZero-3``), ``origin`` the name it goes back to in the source model. An ``error``
    means that the engine would refuse the layer; a ``warning`` that it would compile and the
    result may still not be what is wanted.
    """

    layer: str
    op: str
    origin: str
    reason: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        origin = f" (from {self.origin})" * (self.origin not in ("", self.layer))
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.layer} [{self.op}]{origin}: {self.reason}{remedy}"
