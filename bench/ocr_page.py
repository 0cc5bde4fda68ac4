"""Read a rendered page on the virtual OAK with PP-OCR's two networks; write how well.

    python bench/ocr_page.py CACHE [--out FOLDER] [--page PICTURE]

Fetches the networks into CACHE as bench/real_networks.py does, converts both, writes their
characters beside them, draws a page, and runs examples/ocr/ocr.py, unmodified, by ``oakwright
device run``. What was read, and its character accuracy, go into docs/reference/real-networks.md
below the table; the annotated page into FOLDER. A page of your own is read but not scored.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import onnx
from PIL import Image, ImageDraw, ImageFont

import oakwright
from bench.real_networks import MARK, PAGE, Packages

SHAPES = {"detection": (1, 3, 352, 640), "recognition": (1, 3, 48, 640)}
LINES = (
    "A virtual camera reads this page",
    "The quick brown fox jumps over the lazy dog",
    "Invoice No. 80-4711, due 14 March 2027",
    "Total: 1,234.56 EUR (incl. 19% VAT)",
    "Write to info@example.org or call 555-0199",
    "Two networks, one finds lines, one reads them.",
    "Myriad X: 16 shaves, 4 TOPS, FP16 only",
)


@dataclass(frozen=True)
class Pair:
    """Two networks of one package that read together."""

    name: str
    package: str
    detection: str
    recognition: str


PAIRS = (
    Pair(
        "PP-OCRv4",
        "pypi:rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
    ),
    Pair(
        "PP-OCRv6",
        "pypi:rapidocr==3.10.0",
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "rapidocr/models/PP-OCRv6_rec_small.onnx",
    ),
)


def draw(path: Path) -> None:
    """The page, 1920x1080, in the font that Pillow carries."""
    page = Image.new("RGB", (1920, 1080), (250, 248, 244))
    pen = ImageDraw.Draw(page)
    for row, text in enumerate(LINES):
        pen.text((110, 90 + 130 * row), text, (25, 25, 35), ImageFont.load_default(size=62))
    page.save(path)


def prepare(pair: Pair, packages: Packages, folder: Path) -> list[str]:
    """Blobs and characters in ``folder``: their paths as the script takes them."""
    home = packages.folder(pair.package)
    made = []
    for kind, shape in SHAPES.items():
        blob = folder / f"{pair.name}-{kind}.blob"
        source = home / getattr(pair, kind)
        oakwright.convert(source, shape=shape, range="-1..1", cache=False).save(blob)
        made.append(str(blob))
    about = {entry.key: entry.value for entry in onnx.load(source).metadata_props}
    characters = folder / f"{pair.name}-characters.txt"
    # Some files end with a newline of their own; a lone empty entry there is no character.
    characters.write_text(about["character"].rstrip("\n"), encoding="utf-8")
    return [*made, str(characters)]


def read(files: list[str], page: Path, out: Path) -> list[str]:
    """The lines that the script read on the virtual OAK."""
    command = [sys.executable, "-m", "oakwright", "device", "run", "--source", str(page)]
    script = [str(ROOT / "examples" / "ocr" / "ocr.py"), *files, "--out", str(out)]
    done = subprocess.run(
        [*command, "--deterministic", *script], capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"the script failed: {(done.stderr or done.stdout)[-2000:]}")
    return [line["text"] for line in json.loads((out / "lines.json").read_text())]


def accuracy(wanted: str, got: str) -> float:
    """1 less the edits that make one text the other, by the longer one's length."""
    row = list(range(len(got) + 1))
    for i, a in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return 1 - row[-1] / max(len(wanted), len(got), 1)


def section(name: str, lines: list[str]) -> list[str]:
    """A pair's part of the page: each line as drawn and as read, and the accuracy of all."""
    whole = accuracy("\n".join(LINES), "\n".join(lines))
    rows = [
        f"### {name}: {100 * whole:.1f} % of the characters",
        "",
        "| drawn | read |",
        "|---|---|",
    ]
    for wanted in LINES:
        near = difflib.get_close_matches(wanted, lines, 1, 0.3)
        rows.append(
            f"| {wanted} | {'the same' if near == [wanted] else near[0] if near else '-'} |"
        )
    return [*rows, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "bench-output" / "ocr")
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    page = asked.page or asked.out / "drawn.png"
    if not asked.page:
        draw(page)
    text = [
        "## A page, read by two of them",
        "",
        "Written by `python bench/ocr_page.py CACHE`: `examples/ocr/ocr.py`, a DepthAI 2 script,"
        " run unmodified by `oakwright device run` on a drawn page of 1920x1080: the detector on"
        " the preview (640x352), its boxes on the host, each line cut out by ImageManip, read by"
        " the second network (640x48). Accuracy is 1 - edits / length over the whole page.",
        "",
    ]
    for pair in PAIRS:
        files = prepare(pair, Packages(asked.cache), asked.out)
        lines = read(files, page, asked.out / pair.name)
        print(pair.name, json.dumps(lines, ensure_ascii=False, indent=1))
        text += section(pair.name, lines)
    if not asked.page:
        above = PAGE.read_text().partition(MARK)[0] if PAGE.exists() else ""
        PAGE.write_text(above + MARK + "\n" + "\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    main()
