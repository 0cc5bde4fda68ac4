"""Seeds for the fuzzer: one blob per stage type, and a small program with everything.

PYTHONPATH=. python tests/fuzz/make_seeds.py FOLDER
"""

import sys
from pathlib import Path

from oakwright.blob import StageType
from tests.unit.blob.assembler import small
from tests.unit.blob.every_stage import one_stage


def main(folder: str) -> None:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "small.blob").write_bytes(small().build())
    for number in StageType:
        (target / f"{number.label}.blob").write_bytes(one_stage(number))


if __name__ == "__main__":
    main(sys.argv[1])
