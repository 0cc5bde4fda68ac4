"""A set of shapes, and trainings small enough for every run of the tests."""

from pathlib import Path

import pytest
import torch

from tests.training_data import make_set


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> tuple[Path, Path]:
    """(COCO json, root) of eight pictures of 128x96."""
    return make_set(tmp_path_factory.mktemp("shapes"), "train", pictures=8)


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine two threads that wait for each other are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small(tmp_path) -> Path:
    """A template of 64x64 pixels and one scale: a step takes a hundredth of a second."""
    import yaml

    from oakwright.training import read_template

    data = dict(read_template("mobilenet_v2-1s_ssd-192x192").data)
    data["name"] = "small"
    data["model"] = {**data["model"], "input_size": [64, 64]}
    data["hyper_parameters"]["extra"] |= {
        "precision": "float32", "freeze": 0, "warm_up": 4, "ema": 0.9, "patience": 0,
        "repeat": 2,
    }  # fmt: skip
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(data))
    return path
