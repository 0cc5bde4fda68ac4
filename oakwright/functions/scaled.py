"""A homogeneous function computed on smaller numbers."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn


class Scaled(nn.Module):
    """f(x / by) * by^degree: what ``f`` is, if it is homogeneous of that degree.

    Made by :func:`scaled`, whose modules have ``f``'s own argument names.
    """

    def __init__(self, function: nn.Module, by: float, degree: int) -> None:
        super().__init__()
        self.function = function
        self.by, self.back = by, by**degree
        given = function.example_input
        if not isinstance(given, dict):
            tensors = given if isinstance(given, (tuple, list)) else (given,)
            given = dict(zip(inspect.signature(function.forward).parameters, tensors, strict=False))
        self.example_input = given

    def forward(self, *inputs: Any) -> Any:
        """The function of the smaller inputs, brought back."""
        result = self.function(*[value / self.by for value in inputs])
        if isinstance(result, (tuple, list)):
            return tuple(value * self.back for value in result)
        return result * self.back if self.back != 1 else result


def scaled(function: nn.Module, by: float, degree: int) -> Scaled:
    """The module f(x / by) * by^degree, with ``f``'s argument names and sample inputs."""

    def forward(self: Scaled, *inputs: Any) -> Any:
        return Scaled.forward(self, *inputs)

    # A blob's inputs have the names of forward's arguments, which are read from its signature.
    own = inspect.signature(type(function).forward)
    forward.__signature__ = own  # type: ignore[attr-defined]
    return type("Scaled", (Scaled,), {"forward": forward})(function, by, degree)  # type: ignore[no-any-return]
