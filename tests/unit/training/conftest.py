"""A set of shapes, and trainings small enough for every run of the tests."""

from pathlib import Path

import pytest
import torch

from tests.training_data import make_set
from tests.unit.training.small_template import small_template


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
    """The template of a training with few steps."""
    return small_template(tmp_path, repeat=2)
