"""How near copies of a picture and other pictures are by the difference hash: why 15 bits of 256.

    python bench/duplicate_pictures.py FOLDER_OF_PICTURES

Prints the share of copies (half the size, JPEG quality 30) and of other pictures within the limit.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from oakwright.dataset.duplicates import NEAR, code_of, count_bits
from oakwright.dataset.image import SUFFIXES


def main(folder: Path) -> None:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    codes = {path: code for path in paths if (code := code_of(path)) is not None}
    copies = []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy.jpg"
        for path, code in codes.items():
            picture = cv2.imread(str(path))
            half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
            cv2.imwrite(str(copy), half, [cv2.IMWRITE_JPEG_QUALITY, 30])
            other = code_of(copy)
            if other is not None:
                copies.append(count_bits(code ^ other))
    all_codes = np.stack(list(codes.values()))
    pairs = np.concatenate(
        [count_bits(all_codes[i] ^ all_codes[i + 1 :]) for i in range(len(all_codes) - 1)]
    )
    bits = np.array(copies)
    print(f"{len(codes)} pictures; the limit is {NEAR} of 256 bits")
    print(
        f"copies: {(bits <= NEAR).mean():.1%} within; half {np.median(bits):.0f}, all {bits.max()}"
    )
    print(f"others: {(pairs <= NEAR).sum()} of {len(pairs)} pairs within; nearest {pairs.min()}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        print("name a folder of pictures; nothing was measured")
