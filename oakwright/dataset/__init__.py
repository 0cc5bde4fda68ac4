"""Pictures with boxes: read from COCO json, Pascal VOC and YOLO folders, checked, looked at.

:func:`read` gives a :class:`Dataset` or raises DatasetError with everything that is wrong, by file
and line. Files of strangers are bounded: no entities, no tags, no way out of the root.
"""

from .check import Checked, check
from .discover import Found, discover, sources
from .draw import color_of, draw_boxes
from .duplicates import Twins, find_twins
from .findings import Finding, refuse
from .image import read_header, read_image
from .preview import draw_sample, preview, require_ending, write_picture
from .read import joined, read, split_list, survey
from .sample import Dataset, Sample
from .split import split
from .stats import Stats, plot_stats, stats
from .write import FORMATS, coco_text, convert, picture_names, picture_root

__all__ = [
    "FORMATS", "Checked", "Dataset", "Finding", "Found", "Sample", "Stats", "Twins", "check",
    "coco_text", "color_of", "convert", "discover", "draw_boxes", "draw_sample", "find_twins",
    "joined", "picture_names", "picture_root", "plot_stats", "preview", "read", "read_header",
    "read_image", "refuse", "require_ending", "sources", "split", "split_list", "stats",
    "survey", "write_picture",
]  # fmt: skip
