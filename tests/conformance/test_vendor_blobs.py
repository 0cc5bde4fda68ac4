"""The vendor's own blobs, rebuilt from PyTorch: the same bytes."""

import pytest

torch = pytest.importorskip("torch")

from bench.vendor_blobs import rebuilt
from tests.vendor_models import MODELS


@pytest.mark.shared
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_rebuilt_from_pytorch_the_bytes_are_equal(shared_data, model):
    assert rebuilt(model) == (shared_data / "blobs" / model.file).read_bytes()
