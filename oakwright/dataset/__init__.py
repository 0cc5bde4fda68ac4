"""Pictures with boxes: read from COCO json, Pascal VOC and YOLO folders, checked, looked at.

:func:`read` gives a :class:`Dataset` or raises DatasetError with everything that is wrong, by file
and line. Files of strangers are bounded: no entities, no tags, no way out of the root.
"""

from .discover import Found, discover
from .findings import Finding
from .image import read_header, read_image
from .read import read, split_list, survey
from .sample import Dataset, Sample
from .write import FORMATS, convert

__all__ = [
    "FORMATS", "Dataset", "Finding", "Found", "Sample",
    "convert", "discover", "read", "read_header", "read_image", "split_list", "survey",
]  # fmt: skip
