"""What a model costs, by its own layers."""

from __future__ import annotations

import json

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

import oakwright
from oakwright.cli.main import run
from oakwright.conversion import Performance, draw_costs
from oakwright.conversion.performance import source_layer
from oakwright.errors import UsageError
from oakwright.ir import describe

pytestmark = pytest.mark.usefixtures("own_cache")


def _convolved(x: ov.Output, channels: int, size: int, name: str, dilation: int = 1) -> ov.Node:
    depth = x.get_output_shape(0)[1] if isinstance(x, ov.Node) else x.shape[1]
    kernel = np.full([channels, depth, size, size], 0.01, np.float32)
    pad = dilation * (size // 2)
    return ops.convolution(
        x, kernel, [1, 1], [pad, pad], [pad, pad], [dilation, dilation], name=name
    )


def _network() -> ov.Model:
    x = ops.parameter([1, 16, 32, 32], np.float32, name="x")
    plain = ops.relu(_convolved(x, 16, 3, "plain"), name="relu")
    dilated = _convolved(plain, 16, 3, "dilated", dilation=2)
    large = _convolved(dilated, 4, 17, "large")
    return ov.Model([ops.exp(large, name="y")], [x], "costs")


def _costs(model: ov.Model) -> Performance:
    found = oakwright.check(model, costs=True)
    assert found.performance is not None
    return found.performance


def test_layers_that_leave_the_hardware_unit_say_why():
    costs = _costs(_network())
    layers = {cost.layer: cost for cost in costs.layers}
    assert layers["plain"].unit == "hardware"
    assert layers["plain"].remarks == ()
    assert layers["dilated"].unit == "SHAVEs"
    assert "dilated by 2x2" in layers["dilated"].remarks[0]
    assert "kernel of 17x17" in layers["large"].remarks[0]
    assert set(layers) <= {"plain", "relu", "dilated", "large", "y"}


def test_sums_are_those_of_the_blob_and_shares_of_the_whole():
    model = _network()
    costs = _costs(model)
    assert costs.macs == describe(model)["macs"]
    assert costs.hardware_macs == 16 * 32 * 32 * 16 * 9
    assert sum(cost.stages for cost in costs.layers) == costs.stages
    assert sum(cost.share for cost in costs.layers) == pytest.approx(1)
    shares = [cost.share for cost in costs.layers]
    assert shares == sorted(shares, reverse=True)
    # 17x17 over 16 channels on SHAVEs is by far the most work here.
    assert costs.layers[0].layer == "large"


def test_every_turn_of_a_loop_counts():
    def recurrent(steps: int) -> ov.Model:
        x = ops.parameter([1, steps, 8], np.float32, name="x")
        hidden, size = np.zeros([1, 1, 16], np.float32), np.array([steps], np.int32)
        w, r = np.full([1, 48, 8], 0.1, np.float32), np.full([1, 48, 16], 0.1, np.float32)
        b = np.zeros([1, 48], np.float32)
        gru = ops.gru_sequence(x, hidden, size, w, r, b, 16, "forward", name="gru")
        return ov.Model([gru.output(0)], [x], "recurrent")

    short, long = _costs(recurrent(10)), _costs(recurrent(1000))
    assert long.stages < short.stages + 10  # a long input is copied in tiles
    assert 90 < long.macs / short.macs < 110


def test_layers_the_legaliser_made_count_to_theirs():
    known = {"net/block.0/conv", "net"}
    assert source_layer("net/block.0/conv/Add", known) == "net/block.0/conv"
    assert source_layer("net/other", known) == "net"
    assert source_layer("elsewhere/x", known) == "elsewhere/x"


def test_nothing_is_compiled_that_would_be_refused():
    x = ops.parameter([1, 64], np.float32, name="x")
    found = oakwright.check(ov.Model([ops.non_zero(x, "i64")], [x], "m"), costs=True)
    assert not found.is_convertible
    assert found.performance is None


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_picture(tmp_path, suffix, start):
    pytest.importorskip("matplotlib")
    path = draw_costs(_costs(_network()), tmp_path / f"costs.{suffix}", "a $ name")
    assert path.read_bytes().startswith(start)


def test_pictures_have_two_kinds(tmp_path):
    with pytest.raises(UsageError, match=r"'\.gif'"):
        draw_costs(_costs(_network()), tmp_path / "costs.gif")


def test_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "model.xml"
    ov.save_model(_network(), path, compress_to_fp16=False)
    assert run(["check", str(path), "--performance", "--shaves", "4"]) == 0
    out = capsys.readouterr().out
    assert "for 4 shaves" in out
    assert "slow    dilated: convolution on SHAVEs: dilated by 2x2" in out
    assert run(["check", str(path), "--performance", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["performance"]["layers"][0]["layer"] == "large"
    assert run(["check", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["performance"] is None
