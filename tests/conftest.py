"""What all tests share: the large corpus, where it is."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of vendor blobs, videos and datasets; the test is skipped without it."""
    folder = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("the large corpus is not here (set OAKWRIGHT_SHARED to its folder)")
    return folder
