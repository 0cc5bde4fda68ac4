"""IR files: versions 10 and 11, edited by hand, damaged."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino.passes import Manager, Serialize

from oakwright.errors import UnreadableModel
from oakwright.ir import legalise, read, run_on_cpu, serialise
from oakwright.ir.legalise import op
from tests.unit.ir.rule_check import model_of, parameter


def small_model() -> ov.Model:
    x = parameter([1, 4], name="x")
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    flat = {"transpose_a": False, "transpose_b": False}
    layer = op("MatMul", [x, weights], flat)
    layer.set_friendly_name("y")
    return model_of(layer, x)


@pytest.fixture
def ir(tmp_path: Path) -> Path:
    xml, weights = serialise(small_model())
    (tmp_path / "model.bin").write_bytes(weights)
    (tmp_path / "model.xml").write_bytes(xml)
    return tmp_path / "model.xml"


def test_version_10(ir: Path) -> None:
    values = {"x": np.ones((1, 4), np.float32)}
    np.testing.assert_allclose(run_on_cpu(read(ir), values)[0], [[18, 22, 26]])


def test_version_11(tmp_path: Path) -> None:
    manager = Manager()
    names = [str(tmp_path / name) for name in ("m.xml", "m.bin")]
    manager.register_pass(Serialize(*names, "IR_V11"))
    manager.run_passes(small_model())
    model = legalise(read(tmp_path / "m.xml")).model
    assert [node.get_friendly_name() for node in model.get_parameters()] == ["x"]
    assert b'version="10"' in serialise(model)[0]


def test_edited_by_hand(ir: Path) -> None:
    """Other spaces, a comment, a fused activation added in the middle of the text."""
    text = ir.read_text().replace("\t", "    ").replace("<layers>", "<!-- mine -->\n<layers>")
    text = text.replace('type="MatMul"', "type='MatMul'").replace('transpose_a="false" ', "")
    ir.write_text(text)
    values = {"x": np.ones((1, 4), np.float32)}
    np.testing.assert_allclose(run_on_cpu(read(ir), values)[0], [[18, 22, 26]])


def test_a_model_without_weights_needs_no_bin(tmp_path: Path) -> None:
    x = parameter([1, 4])
    (tmp_path / "model.xml").write_bytes(serialise(model_of(op("Relu", [x]), x))[0])
    assert len(read(tmp_path / "model.xml").inputs) == 1


def damaged(text: str, how: str) -> str:
    return {
        "cut in the middle": text[: len(text) // 2],
        "empty": "",
        "no XML": "\x00\x01 model",
        "other XML": "<html><body/></html>",
        "too old": text.replace('version="10"', 'version="7"', 1),
        "without a version": text.replace(' version="10"', "", 1),
        "an unknown operation": text.replace('type="MatMul"', 'type="Teleport"'),
        "an edge to nowhere": text.replace('to-layer="', 'to-layer="9'),
        "expanding entities": '<!DOCTYPE net [<!ENTITY a "b">]>' + text.partition("?>")[2],
        "a negative offset": text.replace('offset="0"', 'offset="-8"'),
    }[how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut in the middle", "not XML"),
        ("empty", "not XML"),
        ("no XML", "not XML"),
        ("other XML", "<html>"),
        ("too old", "version 7"),
        ("without a version", "no version"),
        ("an unknown operation", "Teleport"),
        ("an edge to nowhere", "reader says"),
        ("expanding entities", "document type"),
        ("a negative offset", "negative"),
    ],
)
def test_damaged(ir: Path, how: str, words: str) -> None:
    ir.write_text(damaged(ir.read_text(), how))
    with pytest.raises(UnreadableModel, match=words) as caught:
        read(ir)
    assert caught.value.path == str(ir)
    assert "\n" not in caught.value.message


def test_weights_missing_or_short(ir: Path) -> None:
    weights = ir.with_suffix(".bin")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(UnreadableModel, match=f"end after {len(whole) - 1} bytes"):
        read(ir)
    weights.unlink()
    with pytest.raises(UnreadableModel, match=r"model\.bin are missing"):
        read(ir)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel, match="no such file"):
        read(tmp_path / "absent.xml")


def test_every_truncation_is_one_clear_error(ir: Path) -> None:
    whole = ir.read_bytes().rstrip()
    for size in range(0, len(whole), 97):
        ir.write_bytes(whole[:size])
        with pytest.raises(UnreadableModel):
            read(ir)
