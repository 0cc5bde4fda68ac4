"""Where a function of bytes leaves FP16's 65504, and the rewrite that keeps it below.

A function is homogeneous of degree d where f(x / k) = f(x) / k^d: blurs (1), products of pixels
(2), cosine distance (0). For such a one f(x / k) * k^d is the same function with all its inner
values smaller; k is a power of two, so that the division itself rounds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright import conversion
from oakwright.errors import ModelError

if TYPE_CHECKING:
    from oakwright import ir

_POWERS = (4, 8, 12)
_MAX = float(np.finfo(np.float16).max)


def overflows(
    module: Any, samples: Sequence[Mapping[str, np.ndarray]] | None = None, *, largest: float = 255
) -> list[ir.Finding]:
    """Layers that reach beyond 65504 on any sample; on hard ones made up if none are given.

    The made-up ones are whole bytes where FP16 is strained most: all of them ``largest``, noise,
    halves of 0 and ``largest`` (inputs alike, and each the opposite of the one before).
    It is a search, not a proof: give real pictures as ``samples`` for the module they matter to.
    """
    import openvino as ov

    from oakwright import ir

    made = conversion.convert(module, to="ir", verify="off", cache=False)
    model = ov.Core().read_model(made.xml, made.bin)
    return ir.scan_activations(model, list(samples or _hard(model, largest)))


def degree_of(module: Any, *, largest: float = 255) -> int | None:
    """d with f(x / k) = f(x) / k^d for every output, found on noise; None if there is none."""
    import torch

    generator = torch.Generator().manual_seed(1)
    given = [
        torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * largest
        for tensor in _tensors(module)
    ]
    work = _in_double(module)
    with torch.no_grad():
        whole = _outputs(work(*given))
        halves = _outputs(work(*[tensor / 2 for tensor in given]))
        far = _outputs(work(*[tensor / 4096 for tensor in given]))
    if not all(value.is_floating_point() for value in whole):
        return None
    for degree in (0, 1, 2, 3, 4):
        pairs = [(w / 2**degree, h) for w, h in zip(whole, halves, strict=True)]
        pairs += [(w / 4096.0**degree, f) for w, f in zip(whole, far, strict=True)]
        # A small constant against division by zero is let pass, an added one is not.
        if all((a - b).abs().max() <= 1e-3 * a.abs().max() for a, b in pairs):
            return degree
    return None


def made_safe(module: Any, *, largest: float = 255) -> tuple[Any, str]:
    """The module, rewritten if it overflows, and a sentence on what was found and done.

    Raises ModelError where it overflows and no scaling helps: the function is not homogeneous,
    or its own result is beyond 65504.
    """
    found = overflows(module, largest=largest)
    if not found:
        return module, f"no layer leaves FP16's 65504 on hard inputs 0..{largest:g}"
    many = "one layer" if len(found) == 1 else f"{len(found)} layers"
    first = f"{many} would leave FP16's 65504, the first: {found[0]}"
    degree = degree_of(module, largest=largest)
    # Asked of the function: a factor beyond FP16 is cut off in the IR, where all looks well then.
    if degree is not None and _greatest_result(module, largest) <= _MAX:
        from .scaled import scaled

        # The factor that brings the result back is itself a number of FP16.
        for power in (p for p in _POWERS if p * degree < 16):
            other = scaled(module, 2.0**power, degree)
            if not overflows(other, largest=largest):
                what = f"f(x/{2**power})" + (f" * {2**power}^{degree}" if degree else "")
                return other, f"{first}; rewritten as {what}, which is the same function"
    reason = "is not f(x/k) * k^d for any d" if degree is None else "has results beyond it"
    raise ModelError(
        f"{first}; it {reason}, so scaling the input cannot help",
        remedy="divide inside forward(), where the values grow, or take --no-rescale",
        findings=[str(entry) for entry in found],
    )


def _greatest_result(module: Any, largest: float) -> float:
    """The greatest absolute value of any output, of inputs that are ``largest`` and of noise."""
    import torch

    generator, work = torch.Generator().manual_seed(2), _in_double(module)
    shapes = [tensor.shape for tensor in _tensors(module)]
    ones = [torch.full(shape, largest, dtype=torch.float64) for shape in shapes]
    noise = [
        torch.rand(shape, generator=generator, dtype=torch.float64) * largest for shape in shapes
    ]
    with torch.no_grad():
        results = [*_outputs(work(*ones)), *_outputs(work(*noise))]
    return max(float(value.double().abs().max()) for value in results)


def _hard(model: Any, largest: float) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    shapes = [(p.get_friendly_name(), tuple(p.shape)) for p in model.get_parameters()]

    def halves(shape: tuple[int, ...], flip: int) -> np.ndarray:
        cells = np.indices(shape[-2:] if len(shape) > 1 else shape)
        where = (sum(axis // 4 for axis in cells) + flip) % 2
        return np.broadcast_to(where * np.float32(largest), shape).astype(np.float32)

    return [
        {name: np.full(shape, largest, np.float32) for name, shape in shapes},
        {name: (rng.random(shape) * largest).astype(np.float32) for name, shape in shapes},
        {name: halves(shape, 0) for name, shape in shapes},
        {name: halves(shape, i) for i, (name, shape) in enumerate(shapes)},
    ]


def _tensors(module: Any) -> tuple[Any, ...]:
    given = module.example_input
    if isinstance(given, Mapping):
        return tuple(given.values())
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _outputs(result: Any) -> list[Any]:
    if isinstance(result, Mapping):
        return list(result.values())
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _in_double(module: Any) -> Any:
    import copy

    return copy.deepcopy(module).double()
