"""IR bytes in, blob bytes out, and what is said when that fails."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import pytest

from oakwright.compiler import CompileOptions, compile_ir, compile_many, process
from oakwright.errors import CompileError, EngineCrashed, OakwrightError, UsageError
from oakwright.tensor import Precision
from tests.unit.compiler.hand_written_ir import Ir, biased, chain

pytestmark = pytest.mark.usefixtures("engine")

RELU = chain("ReLU")


def compiled(ir: Ir, **options: object) -> bytes:
    return compile_ir(ir.xml, ir.weights, CompileOptions(**options))  # type: ignore[arg-type]


def refused(ir: Ir, **options: object) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compiled(ir, **options)
    return caught.value


def shaves_and_slices(blob: bytes) -> tuple[int, int]:
    slices, shaves = struct.unpack_from("<II", blob, 96)
    return shaves, slices


def test_a_blob_comes_out():
    blob = compiled(RELU, shaves=6)
    assert blob[:4] == b"\x7felf"
    assert struct.unpack_from("<4I", blob, 52) == (9709, len(blob), 6, 0)
    assert shaves_and_slices(blob) == (6, 6)


def test_the_same_bytes_every_time_and_in_parallel():
    ir = biased()
    expected = compiled(ir)
    assert compile_many(ir.xml, ir.weights, [CompileOptions()] * 6, workers=3) == [expected] * 6


def test_all_shave_counts_in_order():
    told: list[str] = []
    options = [CompileOptions(shaves=n) for n in range(1, 17)]
    blobs = compile_many(RELU.xml, RELU.weights, options, progress=told.append)
    assert [shaves_and_slices(blob) for blob in blobs] == [(n, n) for n in range(1, 17)]
    assert len(told) == 16
    assert "16 of 16" in told[-1]


def test_cmx_slices_are_a_choice_of_their_own():
    assert shaves_and_slices(compiled(RELU, shaves=4, cmx_slices=9)) == (4, 9)


def test_nothing_to_compile():
    assert compile_many(RELU.xml, RELU.weights, []) == []


def test_the_skipped_wait_changes_nothing_but_the_time(caplog: pytest.LogCaptureFixture):
    ir = biased()
    with caplog.at_level(logging.WARNING, "oakwright.compiler"):
        quick, stock = (
            process.run_all(ir.xml, ir.weights, [CompileOptions(skip_device_wait=skip)])[0]
            for skip in (True, False)
        )
    assert quick.blob == stock.blob
    assert quick.seconds < 2.5 < stock.seconds
    assert caplog.messages == []  # a patch that failed would say so here


def test_the_wait_can_be_had_by_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OAKWRIGHT_STOCK_WAIT", "1")
    with pytest.raises(EngineCrashed) as caught:
        compiled(RELU, timeout_s=1.5)
    assert caught.value.reason == "timeout"


def test_batch_detection_off_leaves_single_images_alone():
    same = {"MYRIAD_DETECT_NETWORK_BATCH": "YES"}
    assert compiled(RELU) == compiled(RELU, config=same)
    batch = chain("ReLU", shape=(4, 3, 8, 8))
    assert len(compiled(batch)) > 0


def test_depthai_reads_what_was_asked_for(tmp_path: Path):
    dai = pytest.importorskip("depthai")
    path = tmp_path / "net.blob"
    path.write_bytes(
        compiled(
            RELU,
            shaves=5,
            input_precisions={"x": Precision.U8},
            output_precisions={"relu": Precision.FP32},
            input_layouts={"x": "NHWC"},
        )
    )
    blob = dai.OpenVINO.Blob(path)
    assert (blob.numShaves, blob.numSlices) == (5, 5)
    assert {n: t.dataType.name for n, t in blob.networkInputs.items()} == {"x": "U8F"}
    assert {n: t.dims for n, t in blob.networkInputs.items()} == {"x": [3, 8, 8, 1]}
    assert {n: t.order.name for n, t in blob.networkInputs.items()} == {"x": "NHWC"}
    assert {n: t.dataType.name for n, t in blob.networkOutputs.items()} == {"relu": "FP32"}


def test_fp16_is_what_nobody_asked_about(tmp_path: Path):
    dai = pytest.importorskip("depthai")
    path = tmp_path / "net.blob"
    path.write_bytes(compiled(RELU))
    blob = dai.OpenVINO.Blob(path)
    for tensors in (blob.networkInputs, blob.networkOutputs):
        assert [t.dataType.name for t in tensors.values()] == ["FP16"]


def test_an_unsupported_layer_is_named():
    error = refused(chain("ReLU", "Sin"))
    assert error.layer == "sin"
    assert 'unsupported layer type "Sin"' in error.engine_message
    assert str(error).startswith("layer sin: the Myriad X has no operation Sin\n  try: ")


def test_newer_operations_are_named():
    error = refused(chain("HSwish", opset="opset9"))
    assert (error.layer, "opset9" in error.message) == ("hswish", True)


@pytest.mark.parametrize("precision", [Precision.I32, Precision.I8])
def test_integers_where_floats_belong(precision: Precision):
    error = refused(RELU, input_precisions={"x": precision})
    assert error.layer == "relu"
    assert "takes FP16" in error.message


def test_outputs_are_floats():
    error = refused(RELU, output_precisions={"relu": Precision.U8})
    assert (error.layer, "cannot be U8" in error.message) == ("relu", True)


@pytest.mark.parametrize(
    ("ir", "says"),
    [
        (Ir(b"\x00\x01 no xml at all", b""), "cannot read this IR"),
        (Ir(b"", b""), "cannot read this IR"),
        (Ir(RELU.xml[: len(RELU.xml) // 2], b""), "cannot read this IR"),
        (Ir(RELU.xml.replace(b'version="10"', b'version="11"'), b""), "cannot read this IR"),
        (biased(b""), "weights do not fit"),
        (biased(b"\x00\x3c"), "weights do not fit"),
        (biased(size=1 << 40), "weights do not fit"),
        (chain("ReLU", shape=(-1, 3, 8, 8)), "unknown size"),
        (chain("ReLU", shape=(0, 3, 8, 8)), "without elements"),
        (chain("Foo"), "Foo is not an operation of opset1"),
    ],
)
def test_bad_irs_are_refused_with_a_remedy(ir: Ir, says: str):
    error = refused(ir)
    assert says in error.message
    assert error.remedy
    assert error.engine_message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"input_layouts": {"x": "C"}}, "layout"),
        ({"config": {"MYRIAD_FOO": "YES"}}, "no setting MYRIAD_FOO"),
        ({"config": {"MYRIAD_ENABLE_HW_ACCELERATION": "maybe"}}, "cannot be maybe"),
    ],
)
def test_options_the_engine_refuses(options: dict[str, object], says: str):
    assert says in refused(RELU, **options).message


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(
    "table", [{"precisions": {"nobody": "FP16"}}, {"layouts": {"nobody": "NCHW"}}]
)
def test_names_the_network_does_not_have(side: str, table: dict[str, dict[str, str]]):
    options = {f"{side}_{kind}": names for kind, names in table.items()}
    with pytest.raises(UsageError, match=f"no {side} 'nobody' .it has (x|relu)"):
        compiled(RELU, **options)


def test_one_refusal_ends_all():
    ir = chain("Sin")
    with pytest.raises(OakwrightError, match="no operation Sin"):
        compile_many(ir.xml, ir.weights, [CompileOptions(shaves=n) for n in (1, 2, 3, 4)])


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_is_a_count(workers: int):
    with pytest.raises(UsageError, match="workers"):
        compile_many(RELU.xml, RELU.weights, [CompileOptions()], workers=workers)


def test_text_is_not_an_ir():
    with pytest.raises(UsageError, match="xml is a str"):
        compile_ir(RELU.xml.decode(), b"")  # type: ignore[arg-type]
