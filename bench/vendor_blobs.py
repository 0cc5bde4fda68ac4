"""The vendor's blobs rebuilt from PyTorch: how many bytes are equal, and what the others are.

    python bench/vendor_blobs.py [folder with the vendor's blobs]

Default folder: $OAKWRIGHT_SHARED/data/blobs. Says so, and ends well, where it is absent.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch

import oakwright
from oakwright.blob import diff
from tests.vendor_models import MODELS, VendorModel


def rebuilt(model: VendorModel) -> bytes:
    """Our blob of the same module, stamped as the vendor's."""
    example = tuple(torch.ones(shape) for shape in model.shapes)
    return oakwright.convert(
        model.module(),
        example_input=example,
        output_names=[model.output],
        input_precision="U8",
        shaves=6,
        stamp=model.stamp,
        cache=False,
    ).blobs[6]


def main() -> None:
    shared = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "data" / "blobs"
    if not folder.is_dir():
        print(f"skipped: the vendor's blobs are not here ({folder})")
        return
    print("| blob | bytes | equal bytes | differences |")
    print("|---|---|---|---|")
    for model in MODELS:
        theirs = (folder / model.file).read_bytes()
        ours = rebuilt(model)
        equal = sum(a == b for a, b in zip(ours, theirs, strict=False))
        found = diff(oakwright.Blob.from_bytes(ours), oakwright.Blob.from_bytes(theirs))
        what = "none" if ours == theirs else "; ".join(str(d) for d in found[:4])
        print(f"| {model.name} | {len(theirs)} | {equal} | {what} |")


if __name__ == "__main__":
    main()
