"""Pictures with boxes: read from COCO json, Pascal VOC and YOLO folders, checked, looked at.

:func:`read` gives a :class:`Dataset` or raises DatasetError with everything that is wrong, by file
and line. Files of strangers are bounded: no entities, no tags, no way out of the root.
"""

from .findings import Finding
from .image import read_header, read_image
from .read import read, split_list, survey
from .sample import Dataset, Sample

__all__ = [
    "Dataset", "Finding", "Sample",
    "read", "read_header", "read_image", "split_list", "survey",
]  # fmt: skip
