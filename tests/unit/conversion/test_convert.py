"""The story itself, on models small enough to see through."""

import json
import os

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

import oakwright
from oakwright.conversion import Cache, InputOptions

pytestmark = pytest.mark.usefixtures("own_cache")


def two_headed() -> ov.Model:
    x = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    low = ops.relu(x, name="low")
    high = ops.multiply(low, np.float32(3), name="high")
    return ov.Model([high, ops.sigmoid(low, name="squashed")], [x], "two_headed")


def test_a_file_becomes_a_blob_with_a_manifest(half, tmp_path):
    result = oakwright.convert(half, shaves=4, input_precision="U8")
    blob_path, manifest_path = result.save(tmp_path / "out" / "half.blob")
    manifest = json.loads(manifest_path.read_text())
    assert blob_path.read_bytes() == result.blobs[4]
    assert manifest["blobs"]["4"]["bytes"] == blob_path.stat().st_size
    assert manifest["source"]["kind"] == "onnx"
    assert manifest["applied"] == ["image: U8 1x3x8x8"]
    assert manifest["agreement"]["against"] == "onnx.reference"


def test_several_shave_counts_at_once(half, tmp_path):
    result = oakwright.convert(half, shaves="1,6,16")
    assert list(result.blobs) == [1, 6, 16]
    assert [oakwright.Blob.from_bytes(b).shaves for b in result.blobs.values()] == [1, 6, 16]
    names = [path.name for path in result.save(tmp_path)]
    assert names[:3] == ["half_1shave.blob", "half_6shave.blob", "half_16shave.blob"]
    with pytest.raises(oakwright.OakwrightError, match="do not go into one file"):
        result.save(tmp_path / "one.blob")


def test_outputs_are_cut_and_named():
    result = oakwright.convert(two_headed(), outputs=["low"], shaves=4)
    assert [out.name for out in result.blob.outputs] == ["low"]
    with pytest.raises(oakwright.OakwrightError, match="no tensor or layer 'lo'") as caught:
        oakwright.convert(two_headed(), outputs=["lo"])
    assert "low" in caught.value.remedy


def test_inputs_are_frozen():
    a = ops.parameter([1, 4], np.float32, name="a")
    b = ops.parameter([1, 4], np.float32, name="b")
    model = ov.Model([ops.multiply(a, b, name="product")], [a, b], "product")
    result = oakwright.convert(
        model, inputs=[InputOptions.of("b", freeze=[1.0, 2.0, 3.0, 4.0])], shaves=4
    )
    assert [i.name for i in result.blob.inputs] == ["a"]
    got = oakwright.run(result.blob, {"a": np.ones((1, 4), np.float16)})["product"]
    assert got.ravel().tolist() == [1, 2, 3, 4]


def test_a_scalar_input_is_frozen():
    a = ops.parameter([1, 4], np.float32, name="a")
    rate = ops.parameter([], np.int64, name="rate")
    model = ov.Model([ops.multiply(a, ops.convert(rate, "f32"), name="y")], [a, rate], "m")
    result = oakwright.convert(model, inputs=[InputOptions.of("rate", freeze=3)], shaves=4)
    assert [i.name for i in result.blob.inputs] == ["a"]
    got = oakwright.run(result.blob, {"a": np.ones((1, 4), np.float16)})["y"]
    assert got.ravel().tolist() == [3, 3, 3, 3]


def test_the_batch_becomes_one_and_that_is_said():
    x = ops.parameter(ov.PartialShape([-1, 3, 8, 8]), np.float32, name="x")
    result = oakwright.convert(ov.Model([ops.relu(x, name="y")], [x], "m"), shaves=4)
    assert result.manifest["notes"] == ["x: batch of [?,3,8,8] set to 1"]


def test_other_unknown_sizes_are_asked_for():
    x = ops.parameter(ov.PartialShape([1, 3, -1, -1]), np.float32, name="x")
    model = ov.Model([ops.relu(x, name="y")], [x], "m")
    with pytest.raises(
        oakwright.OakwrightError, match=r"fixed shapes; unknown here: x\[1,3,\?,\?\]"
    ):
        oakwright.convert(model)
    assert oakwright.convert(model, shape=(1, 3, 8, 8), shaves=4).blob.inputs[0].spec.shape == (
        1, 3, 8, 8,
    )  # fmt: skip


def test_every_refused_layer_is_told_at_once():
    x = ops.parameter([1, 64], np.float32, name="x")
    found = ops.non_zero(x, output_type="i64", name="found")
    model = ov.Model([found], [x], "m")
    with pytest.raises(oakwright.ModelError, match="found"):
        oakwright.convert(model)


def test_stamps_are_written_where_asked(half):
    plain = oakwright.convert(half, shaves=4)
    stamped = oakwright.convert(half, shaves=4, stamp="2022.1")
    assert (plain.blob.version, stamped.blob.version) == ("6.0", "2022.1")
    assert plain.blobs[4][:60] == stamped.blobs[4][:60]
    assert plain.blobs[4][68:] == stamped.blobs[4][68:]


def test_fp32_outputs(half):
    result = oakwright.convert(half, shaves=4, output_precision="FP32")
    assert result.blob.outputs[0].spec.precision.value == "FP32"


def test_interleaved_frames(half):
    result = oakwright.convert(half, shaves=4, layout="NCHW->NHWC", input_precision="U8")
    assert result.blob.inputs[0].desc.order_name == "NHWC"


def test_a_hit_gives_the_same_and_a_changed_file_is_converted_anew(half):
    first = oakwright.convert(half, shaves=4)
    again = oakwright.convert(half, shaves=4)
    assert (first.from_cache, again.from_cache) == (False, True)
    assert (again.blobs, again.manifest) == (first.blobs, first.manifest)
    half.write_bytes(half.read_bytes().replace(b"\x00\x00\x00\x40", b"\x00\x00\x80\x40"))  # 2 → 4
    changed = oakwright.convert(half, shaves=4)
    assert not changed.from_cache
    assert changed.blobs != first.blobs


def test_a_damaged_entry_is_made_again(half):
    first = oakwright.convert(half, shaves=4)
    cache = Cache.default()
    for blob in cache.folder.rglob("4.blob"):
        blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    again = oakwright.convert(half, shaves=4)
    assert not again.from_cache
    assert again.blobs == first.blobs


def test_code_that_changed_makes_it_again(half, monkeypatch):
    first = oakwright.convert(half)
    monkeypatch.setattr("oakwright.conversion.cache.code_digest", lambda: "another rule")
    again, after = oakwright.convert(half), oakwright.convert(half)
    assert (first.from_cache, again.from_cache, after.from_cache) == (False, False, True)


def test_the_cache_counts_and_cleans(half):
    oakwright.convert(half, shaves=4)
    assert Cache.default().info()["entries"] >= 1
    assert Cache.default().clean() >= 1
    assert Cache.default().info()["entries"] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(half, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    result = oakwright.convert(half, shaves=4)
    with pytest.raises(oakwright.OakwrightError, match="cannot write"):
        result.save(locked / "half.blob")
    assert list(locked.iterdir()) == []


def test_a_place_that_is_no_folder(half, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(oakwright.OakwrightError, match="cannot write"):
        oakwright.convert(half, shaves=4).save(tmp_path / "file" / "half.blob")


def test_constants_that_fp16_cannot_hold_are_reported():
    x = ops.parameter([1, 4], np.float32, name="x")
    scaled = ops.multiply(x, np.array([[1e6, 1, 1, 1]], np.float32), name="scaled")
    result = oakwright.convert(ov.Model([scaled], [x], "m"), shaves=4, verify="off")
    assert any("65504" in warning for warning in result.manifest["warnings"])


def test_samples_find_the_layer_that_overflows():
    x = ops.parameter([1, 3, 4, 4], np.float32, name="x")
    square = ops.multiply(x, x, name="square")
    total = ops.reduce_sum(square, np.array([1, 2, 3]), name="total")
    model = ov.Model([total], [x], "m")
    frame = np.full((1, 3, 4, 4), 200, np.float32)
    bright = oakwright.convert(model, input_precision="U8", samples=[{"x": frame}], shaves=4)
    assert any(w.startswith("total") for w in bright.manifest["warnings"])
    dark = oakwright.convert(model, range="0..1", samples=[{"x": frame}], shaves=4)
    assert not any(w.startswith("total") for w in dark.manifest["warnings"])


def test_check_says_what_convert_would_say():
    found = oakwright.check(two_headed())
    assert found.is_convertible
    x = ops.parameter([1, 64], np.float32, name="x")
    refused = oakwright.check(ov.Model([ops.non_zero(x, "i64", name="found")], [x], "m"))
    assert not refused.is_convertible
    assert any(finding.layer == "found" for finding in refused.findings)


def test_sizes_no_camera_can_hold_are_refused_at_once():
    x = ops.parameter(ov.PartialShape([1, 3, -1, -1]), np.float32, name="x")
    model = ov.Model([ops.relu(x, name="y")], [x], "m")
    with pytest.raises(oakwright.ModelError, match="512 MiB of memory") as caught:
        oakwright.convert(model, shape=(1, 3, 100_000, 8000))
    assert caught.value.layer == "x"
