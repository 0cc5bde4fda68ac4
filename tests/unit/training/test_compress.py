"""Compressed detectors: int8 networks that are evaluated and exported as any."""

import numpy as np
import pytest
import torch

pytest.importorskip("nncf", reason="NNCF is not installed: pip install 'oakwright[compress]'")

from oakwright.cli.main import run
from oakwright.errors import CheckpointError
from oakwright.training import (
    CompressOptions,
    ExportOptions,
    compress,
    evaluate,
    export,
    load_checkpoint,
    open_detector,
)
from oakwright.training.detect import normalised
from oakwright.training.pictures import Pictures
from tests.unit.training.test_export import trained  # noqa: F401 - a fixture

# NNCF compiles its rounding on first use: a minute.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):  # noqa: F811
    file = trained[0].parents[1] / "train.json"
    root = file.with_suffix("")
    folder = tmp_path_factory.mktemp("compressed")
    said = []
    options = CompressOptions(
        trained[0], str(file), str(file), str(root), str(root), folder, steps=6, batch_size=4
    )
    return compress(options, say=said.append), said


def test_the_better_is_kept_and_it_says_which(made):
    result, said = made
    assert result.ap == max(result.ap_ranges, result.ap_trained)
    assert result.ap == pytest.approx(result.ap_before, abs=0.1)
    assert any("measured ranges" in line for line in said)


def test_it_is_evaluated_and_exported_as_any(made, trained, tmp_path):  # noqa: F811
    result, _ = made
    before = evaluate(result.path, trained[1]).metrics.stats["AP"]
    assert before == pytest.approx(result.ap, abs=1e-6)
    export(result.path, tmp_path, ExportOptions(shaves=(4,)))
    ir = open_detector(tmp_path / "model.xml")
    kinds = [node.get_type_name() for node in ir.network.get_ops()]
    assert kinds.count("FakeQuantize") >= 40
    assert evaluate(ir, trained[1]).detector.classes == ("disc", "square", "triangle")
    # The chip computes in FP16: the weights are int8's, the sums are not rounded.
    blob = evaluate(tmp_path / "model.blob", trained[1]).metrics.stats["AP"]
    assert blob == pytest.approx(before, abs=0.1)


def outputs_of(checkpoint, pictures):
    """Offsets and probabilities of a torch network: float32 [n, A, 4] twice."""
    with torch.inference_mode():
        offsets, logits = checkpoint.network()(pictures)
    return offsets.numpy(), logits.softmax(-1).numpy()


def test_the_ir_computes_what_the_checkpoint_does_up_to_its_rounding(made, trained, tmp_path):  # noqa: F811
    """Sums in another order round to another level here and there, and layers pass that on: by
    less than what int8 does to the network. On eight pictures AP would say nothing of it: one box
    is worth .04.
    """
    import openvino as ov

    int8, plain = load_checkpoint(made[0].path), load_checkpoint(trained[0])
    model = plain.template.model
    pictures = Pictures(trained[1], model)
    stacked = np.stack([pictures[i] for i in range(len(trained[1]))])
    batch = normalised(torch.from_numpy(stacked).permute(0, 3, 1, 2), model)
    wanted, unrounded = outputs_of(int8, batch), outputs_of(plain, batch)
    export(int8, tmp_path, ExportOptions())
    core = ov.Core()
    network = core.read_model(tmp_path / "model.xml")
    exact = {"INFERENCE_PRECISION_HINT": "f32", "LP_TRANSFORMS_MODE": "NO"}
    # With int8's own arithmetic, and with rounded numbers that are multiplied as float32.
    for options in ({"INFERENCE_PRECISION_HINT": "f32"}, exact):
        compiled = core.compile_model(network, "CPU", options)
        answers = [compiled([np.ascontiguousarray(p[None, ::-1])]) for p in batch.numpy()]
        for name, right, before in zip(("offsets", "scores"), wanted, unrounded, strict=True):
            found = np.stack([np.asarray(each[name]).reshape(right[0].shape) for each in answers])
            noise = np.abs(before - right).mean()
            assert np.abs(found - right).mean() < noise, (name, options)


def test_the_largest_weight_of_no_channel_lies_between_two_levels(made):
    """In the first layer, where NNCF halves the range: PyTorch and OpenVINO round 63.5 apart."""
    network = load_checkpoint(made[0].path).network()
    rounded = []

    def look(module, given, _):
        if type(module).__name__ == "SymmetricQuantizer" and not rounded:
            largest = given[0].detach().abs().amax((1, 2, 3))
            rounded.append(largest * module.level_high / module.scale.detach().flatten())

    for module in network.modules():
        module.register_forward_hook(look)
    with torch.inference_mode():
        network(torch.zeros(1, 3, 64, 64))
    assert rounded[0].numel() == 32
    assert float(rounded[0].max()) < 64
    assert float((rounded[0] % 1 - 0.5).abs().min()) > 1e-5


def test_what_is_compressed_is_not_compressed_again(made, trained, tmp_path):  # noqa: F811
    file = trained[0].parents[1] / "train.json"
    with pytest.raises(CheckpointError, match="is compressed already"):
        compress(CompressOptions(made[0].path, str(file), str(file)))


def test_rounding_that_is_none_is_refused(made, tmp_path):
    whole = torch.load(made[0].path, weights_only=True)
    torch.save({**whole, "rounding": '{"version": "x"}'}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match="where the checkpoint's network rounds"):
        load_checkpoint(tmp_path / "bad.pth").network()


@pytest.mark.parametrize("flag", ["--nncf-sparsity", "--nncf-pruning", "--nncf-binarization"])
def test_other_ways_are_refused_by_name(flag, capsys):
    words = ["--load-weights", "x.pth", "--train-ann-files", "a", "--val-ann-files", "b"]
    assert run(["compress", *words, flag]) == 2
    assert f"{flag} is not done here" in capsys.readouterr().err
