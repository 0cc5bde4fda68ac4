"""NumPy 1.26 is enough, as pyproject.toml says: whoever follows an old application's requirements
has no newer one."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "oakwright"
# What NumPy's release notes list as new functions of 2.0 to 2.3.
NEW = {
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "astype",
    "bitwise_count",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "concat",
    "cumulative_prod",
    "cumulative_sum",
    "isdtype",
    "matrix_transpose",
    "matvec",
    "permute_dims",
    "pow",
    "strings",
    "trapezoid",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "vecdot",
    "vecmat",
}


def test_the_lowest_numpy_is_the_one_this_is_about():
    assert '"numpy>=1.26"' in (ROOT / "pyproject.toml").read_text()
    assert set(dir(np)) & NEW, "the list names nothing that NumPy has"


def test_no_source_needs_a_newer_numpy():
    found = [
        f"{path.relative_to(ROOT)}: np.{name}"
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"\bnp\.(\w+)", path.read_text())
        if name in NEW
    ]
    assert found == []
