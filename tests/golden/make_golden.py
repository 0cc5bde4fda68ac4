"""Rewrites the expected dumps: ``python tests/golden/make_golden.py``, or ``make golden``.

A change of a dump is reviewed as a change of the code is.
"""

import json
import sys
from pathlib import Path

GOLDEN = Path(__file__).parent
BLOBS = GOLDEN.parent / "corpus" / "blobs"


def dumps():
    """Name of each golden file of the blob reader and the text it must have."""
    from oakwright.blob import Blob, diff, to_json

    for path in sorted(BLOBS.glob("*.blob")):
        yield f"{path.stem}.txt", Blob.open(path).describe()
    one = Blob.open(BLOBS / "detector--1.blob")
    yield "detector--1.json", json.dumps(to_json(one), indent=1, allow_nan=False) + "\n"
    a, b = (Blob.open(BLOBS / f"blur--{shaves}.blob") for shaves in (1, 6))
    yield "blur--1--6.diff", "".join(f"{each}\n" for each in diff(a, b))


def main():
    for name, text in dumps():
        path = GOLDEN / name
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(f"{name} rewritten")


if __name__ == "__main__":
    sys.path.insert(0, str(GOLDEN.parents[1]))
    main()
