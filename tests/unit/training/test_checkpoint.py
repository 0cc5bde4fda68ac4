"""A checkpoint is data: strangers' files are refused with a reason and run nothing."""

import pickle
import zipfile

import pytest
import torch

from oakwright.errors import CheckpointError
from oakwright.training import Checkpoint, load_checkpoint, read_template, save_checkpoint
from oakwright.training.checkpoint import content
from oakwright.training.ssd import Ssd


@pytest.fixture(scope="module")
def detector() -> Checkpoint:
    template = read_template("mobilenet_v2-1s_ssd-192x192")
    network = Ssd(template.model, 2)
    return Checkpoint(template, ("a", "b"), network.state_dict(), {"pictures": 3}, "nowhere")


def test_what_was_saved_is_loaded(detector, tmp_path):
    path = save_checkpoint(detector, tmp_path / "a.pth")
    loaded = load_checkpoint(path)
    assert loaded.template == detector.template
    assert loaded.classes == ("a", "b")
    assert loaded.statistics == {"pictures": 3}
    assert loaded.source == "nowhere"
    assert loaded.state is None
    assert all(torch.equal(loaded.weights[name], t) for name, t in detector.weights.items())
    before, after = detector.network(), loaded.network()
    x = torch.randn(1, 3, 192, 192)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(before(x), after(x), strict=True))


class Evil:
    def __reduce__(self):
        return (open, ("/nonexistent-folder/evil", "w"))


def changed(detector, **values):
    return {**content(detector), **values}


CASES = {
    "code": (lambda d: changed(d, statistics={"x": Evil()}), "more than weights"),
    "another kind": (lambda d: {"state_dict": {}}, "no checkpoint of oakwright"),
    "a tensor": (lambda d: torch.zeros(3), "no checkpoint of oakwright"),
    "a later version": (lambda d: changed(d, version=9), "version is 9, 1 is known"),
    "no template": (lambda d: changed(d, template=None), "its template"),
    "a bad template": (
        lambda d: changed(d, template={**d.template.data, "model": {}}), "model.backbone is missing"
    ),
    "classes twice": (lambda d: changed(d, classes=["a", "a"]), "different names"),
    "too many classes": (lambda d: changed(d, classes=[str(i) for i in range(20000)]), "names"),
    "weights of text": (lambda d: changed(d, weights={"a": "b"}), "no table of tensors"),
    "sparse weights": (lambda d: changed(d, weights={"a": torch.eye(3).to_sparse()}), "tensors"),
    "state of text": (lambda d: changed(d, state="x"), "no tables"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_other_files_are_refused_with_the_reason(case, detector, tmp_path):
    make, hint = CASES[case]
    path = tmp_path / "a.pth"
    torch.save(make(detector), path)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.message
    assert hint in caught.value.message


def test_damaged_files_are_refused(detector, tmp_path):
    whole = save_checkpoint(detector, tmp_path / "whole.pth").read_bytes()
    path = tmp_path / "a.pth"
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="cannot be used as a checkpoint"):
            load_checkpoint(path)
    path.write_bytes(b"not a zip at all, nor a pickle")
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps({"kind": "oakwright.checkpoint"}))
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02]q\x00.")
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="it is a folder"):
        load_checkpoint(tmp_path)


def test_weights_of_another_network_are_named(detector, tmp_path):
    other = Checkpoint(detector.template, ("a", "b", "c"), detector.weights)
    with pytest.raises(CheckpointError, match=r"weights scores\.0\.3\.weight are of shape"):
        other.network()
    few = dict(detector.weights)
    del few["trunk.features.0.0.weight"]
    with pytest.raises(CheckpointError, match=r"no weights trunk\.features\.0\.0\.weight"):
        Checkpoint(detector.template, ("a", "b"), few).network()
    more = {**detector.weights, "extra": torch.zeros(1)}
    with pytest.raises(CheckpointError, match="has weights extra"):
        Checkpoint(detector.template, ("a", "b"), more).network()
