"""Compressed detectors: int8 networks that are evaluated and exported as any."""

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
    assert evaluate(ir, trained[1]).metrics.stats["AP"] == pytest.approx(before, abs=0.01)
    # The chip computes in FP16: the weights are int8's, the sums are not rounded.
    blob = evaluate(tmp_path / "model.blob", trained[1]).metrics.stats["AP"]
    assert blob == pytest.approx(before, abs=0.1)


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
