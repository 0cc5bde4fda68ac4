"""The page on Kornia's functions says what is so today."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
kornia = pytest.importorskip("kornia")

from bench.kornia_functions import FUNCTIONS, row

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "kornia.md"


def rows():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    return {line.split("|")[1].strip(): line for line in lines}


def test_every_function_of_the_bench_stands_on_the_page():
    assert list(rows()) == list(FUNCTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_becomes_a_blob_as_the_page_says(name):
    if f"Kornia {kornia.__version__}" not in PAGE.read_text():
        pytest.skip(f"the page is of another Kornia than {kornia.__version__}")
    cells = [cell.strip() for cell in rows()[name].split("|")]
    today = [cell.strip() for cell in row(name).split("|")]
    assert today[2] == cells[2], today
    if cells[2] == "yes":
        assert today[3] == cells[3], "stages; run: python bench/kornia_functions.py"
        was, now = float(cells[4]), float(today[4])
        assert now <= max(2 * was, 2e-3)
