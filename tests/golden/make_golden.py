"""Rewrites the expected dumps and the table of stages in docs/formats/blob.md.

    python tests/golden/make_golden.py        (or ``make golden``)

A change of a dump is reviewed as a change of the code is.
"""

import json
import sys
from enum import EnumMeta
from pathlib import Path

GOLDEN = Path(__file__).parent
ROOT = GOLDEN.parents[1]
BLOBS = ROOT / "tests" / "corpus" / "blobs"
DOCUMENT = ROOT / "docs" / "formats" / "blob.md"
START, END = "<!-- stages: written by tests/golden/make_golden.py -->\n", "<!-- end of stages -->"


def dumps():
    """Name of each golden file of the blob reader and the text it must have."""
    from oakwright.blob import Blob, diff, to_json

    for path in sorted(BLOBS.glob("*.blob")):
        yield f"{path.stem}.txt", Blob.open(path).describe()
    one = Blob.open(BLOBS / "detector--1.blob")
    yield "detector--1.json", json.dumps(to_json(one), indent=1, allow_nan=False) + "\n"
    a, b = (Blob.open(BLOBS / f"blur--{shaves}.blob") for shaves in (1, 6))
    yield "blur--1--6.diff", "".join(f"{each}\n" for each in diff(a, b))


def stage_table():
    """The table of stage types in the format's description, from the code's own table."""
    from oakwright.blob import STAGE_KINDS

    lines = ["| number | type | parameters | operands |", "|---|---|---|---|"]
    for number, kind in STAGE_KINDS.items():
        lines.append(
            f"| {int(number)} | {number.label} | {_words(kind.params)} | {_operands(kind)} |"
        )
    return "\n".join(lines) + "\n"


def _words(params):
    from oakwright.blob.words import fixed_bytes, word_kinds

    if fixed_bytes(params) is None:
        return f"`{params.__name__}`: " + ", ".join(params.__dataclass_fields__)
    return ", ".join(f"{_word(kind)} {name}" for name, kind in word_kinds(params)) or "–"


def _word(kind):
    if isinstance(kind, tuple):
        return f"{kind[1]} × {kind[0]}"
    return kind.__name__ if isinstance(kind, EnumMeta) else kind


def _operands(kind):
    special = {
        "hardware": "by index, see above",
        "loop start": "per rule: source >destination",
        "loop end": "batch_source if dynamic; per rule: >destination source",
        "custom": "inputs (the program last), >outputs, ~temp",
    }
    return special.get(kind.operands, f"`{kind.operands}`")


def document():
    """The description with the table as it must be."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(START)
    return before + START + "\n" + stage_table() + "\n" + rest[rest.index(END) :]


def main():
    files = [(GOLDEN / name, text) for name, text in dumps()]
    for path, text in [*files, (DOCUMENT, document())]:
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.relative_to(ROOT)} rewritten")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
