"""What all tests share: the large corpus, where it is."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # `tests` and `bench` import each other by name


def pytest_configure(config: pytest.Config) -> None:
    """Where depthai is installed, it reads every blob the tests make."""
    if importlib.util.find_spec("depthai"):
        from tests import depthai_reads

        depthai_reads.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test against the real clock may try again, and the summary says that it did."""
    for item in items:
        if item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of vendor blobs, videos and datasets; the test is skipped without it."""
    folder = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("the large corpus is not here (set OAKWRIGHT_SHARED to its folder)")
    return folder


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch):
    """Results of other runs must not answer for this one; the engine's folder stays."""
    from oakwright.compiler import engine_path

    engine = engine_path()
    if engine:
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine))
        monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path_factory.mktemp("home")))


def half_onnx(by: float = 2.0) -> bytes:
    """ONNX: ``half`` = ``image`` / ``by``, [1,3,8,8]."""
    from onnx import TensorProto, helper, numpy_helper

    divisor = numpy_helper.from_array(np.array(by, np.float32), "divisor")
    shape = [1, 3, 8, 8]
    graph = helper.make_graph(
        [helper.make_node("Div", ["image", "divisor"], ["half"])],
        "half",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("half", TensorProto.FLOAT, shape)],
        [divisor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def half(tmp_path):
    """Path of ``half.onnx``."""
    path = tmp_path / "half.onnx"
    path.write_bytes(half_onnx())
    return path
