"""docs/formats/blob.md has the code's table of stages, field names and order."""

import runpy
from dataclasses import fields
from pathlib import Path

from oakwright.blob import Header, HwOp, StageType

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "formats" / "blob.md").read_text()


def test_the_table_of_stages_is_the_codes():
    golden = runpy.run_path(str(ROOT / "tests" / "golden" / "make_golden.py"))
    assert golden["document"]() == TEXT, "run tests/golden/make_golden.py"
    for number in StageType:
        assert f"| {int(number)} | {number.label} |" in TEXT


def test_every_field_of_header_and_descriptor_is_explained():
    sections = ("input_info_", "output_info_", "stage_", "const_data_")
    for field in fields(Header):
        assert f"`{field.name}`" in TEXT or field.name.startswith(sections)
    for field in fields(HwOp):
        # ReLU's three words are one record in the code.
        assert f"`{field.name}`" in TEXT or field.name == "relu"


def test_sections_stand_in_the_order_of_the_code():
    """What the page explains first, the code needs first."""
    named = ["header.py", "layouts.py", "tensors.py", "stages.py", "hardware.py", "params.py"]
    places = [TEXT.index(f"(`{name}`") for name in named]
    assert places == sorted(places)
