"""Guards against a division by zero are still guards where FP16 ends."""

import numpy as np
import pytest
import torch
from torch import nn

import oakwright
from oakwright.machine import Machine

pytestmark = pytest.mark.usefixtures("own_cache")

RULE = "denominators.guard_denominators"


class Normalised(nn.Module):
    def forward(self, x):
        return nn.functional.normalize(x, dim=1)


class Shares(nn.Module):
    def forward(self, x):
        return x / (x.abs().sum(1, keepdim=True) + 1e-8)


class OverRoot(nn.Module):
    def forward(self, x):
        return x / torch.sqrt((x * x).sum(1, keepdim=True) + 1e-10)


class Logarithm(nn.Module):
    def forward(self, x):
        return torch.log(x + 1e-9)


class OverHalfPower(nn.Module):
    def forward(self, x):
        return x / ((x * x).mean((2, 3), keepdim=True) + 1e-6) ** 0.5


MODULES = [Normalised, Shares, OverRoot, Logarithm, OverHalfPower]


def run(module, x):
    made = oakwright.convert(
        module, example_input=torch.rand(x.shape), input_precision="FP16", shaves=4
    )
    (result,) = Machine(made.blob).run({"x": x}).values()
    return made, result


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("fill", [0.0, None], ids=["black", "noise"])
def test_black_gives_numbers_and_pictures_what_they_gave(kind, fill):
    x = np.random.default_rng(3).random((1, 3, 8, 8)).astype(np.float32)
    if fill is not None:
        x[:] = fill
    made, result = run(kind(), x)
    assert any(RULE in line for line in made.manifest["rules"])
    assert np.isfinite(result).all()
    wanted = kind()(torch.from_numpy(x)).numpy()
    if kind is Logarithm and fill is not None:
        wanted[:] = np.log(2.0**-14)  # what the chip can tell from zero
    np.testing.assert_allclose(result.reshape(wanted.shape), wanted, rtol=4e-3, atol=2e-3)


def test_a_guard_that_is_kept_anyway_is_left_alone():
    class Kept(nn.Module):
        def forward(self, x):
            return x / (x.abs().sum(1, keepdim=True) + 1e-3)

    made, _ = run(Kept(), np.zeros((1, 3, 8, 8), np.float32))
    assert not any(RULE in line for line in made.manifest["rules"])
