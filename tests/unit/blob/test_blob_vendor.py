"""The vendor's blobs, and the vendor's own reader over all blobs at hand."""

from pathlib import Path

import pytest

from oakwright.blob import Blob, StageType, diff, memory_profile

CORPUS = sorted((Path(__file__).parents[2] / "corpus" / "blobs").glob("*.blob"))


def vendor_blobs(shared_data):
    found = sorted((shared_data / "blobs").glob("*.blob"))
    assert len(found) >= 5
    return found


@pytest.mark.shared
def test_every_vendor_blob_is_understood(shared_data):
    for path in vendor_blobs(shared_data):
        blob = Blob.open(path)
        blob.check()
        assert blob.validate() == [], path
        assert all(stage.is_understood for stage in blob.walk())
        last = blob.stages[-1]
        end = -(-(last.offset + last.length) // 64) * 64
        assert end == blob.header.const_data_section_offset
        assert diff(blob, blob) == []


@pytest.mark.shared
def test_the_face_detector(shared_data):
    blob = Blob.open(shared_data / "blobs" / "face-detection-retail-0004.blob")
    # Opening reads the headers only.
    assert "stages" not in vars(blob)
    assert blob.version == "2022.1"
    assert [str(info.spec) for info in (*blob.inputs, *blob.outputs)] == [
        "data U8 1x3x300x300 NCHW",
        "detection_out FP16 1x1x200x7 NCHW",
    ]
    assert blob.trailer.parameters[0].shape == (1, 3, 300, 300)
    assert blob.trailer.results[0].producer == "detection_out"
    assert len(blob.stages) == 100
    assert sum(stage.injected is not None for stage in blob.stages) == 8
    (decoder,) = (s for s in blob.walk() if s.type is StageType.DetectionOutput)
    assert decoder.params.num_classes == 2
    assert decoder.params.keep_top_k == 200
    assert decoder.params.num_priors * 4 == decoder.buffer("priors").desc.dims[0]
    # The published network needs 1.067 G operations: MACs are half of it, plus padding.
    assert 533e6 < memory_profile(blob).macs < 600e6


@pytest.mark.shared
def test_what_the_small_vendor_blobs_do(shared_data):
    blobs = {p.name.split("_")[0]: Blob.open(p) for p in vendor_blobs(shared_data)}
    assert [s.name for s in blobs["concat"].walk()] == ["Convert"] * 3
    offsets = [s.buffer("output").offset for s in blobs["concat"].stages]
    assert offsets == [0, 600, 1200]
    edge = [s for s in blobs["edge"].walk() if s.type is StageType.MyriadXHwOp]
    assert [(s.params.ops[0].kernel_w, s.params.ops[0].with_pad) for s in edge] == [(3, False)] * 3
    # Laplacian: eight ones around minus eight, times the power of two that the scale undoes.
    weights = blobs["edge"].array(edge[0].buffer("weights"))[0, 0, :, 0].astype(float)
    scale = float(blobs["edge"].array(edge[0].buffer("scale"))[0])
    assert weights.sum() == 0
    assert (weights * scale / abs(weights[0] * scale)).round().tolist() == [1] * 4 + [-8] + [1] * 4


def check_with_depthai(path):
    import depthai

    theirs, ours = depthai.OpenVINO.Blob(path), Blob.open(path)
    assert (theirs.numShaves, theirs.numSlices) == (ours.shaves, ours.cmx_slices)
    assert theirs.stageCount == ours.header.stages_count
    types = {"FP16": "FP16", "U8F": "U8", "INT": "I32", "FP32": "FP32", "I8": "I8"}
    for infos, known in (
        (theirs.networkInputs, ours.inputs),
        (theirs.networkOutputs, ours.outputs),
    ):
        assert set(infos) == {info.name for info in known}
        for info in known:
            tensor = infos[info.name]
            assert tensor.dims == list(info.desc.dims)
            assert tensor.offset == info.offset
            assert tensor.order.name == info.spec.layout
            assert types[tensor.dataType.name] == info.spec.precision.value


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_depthai_reads_the_same(path):
    pytest.importorskip("depthai")
    check_with_depthai(path)


@pytest.mark.shared
def test_depthai_reads_the_same_in_vendor_blobs(shared_data):
    pytest.importorskip("depthai")
    for path in vendor_blobs(shared_data):
        check_with_depthai(path)
