"""Luxonis' containers: NN Archives (a model and its description) and superblobs."""

from .config import (
    ArchiveConfig,
    ArchiveInput,
    ArchiveOutput,
    Head,
    Preprocessing,
    default_layout,
    read_config,
)
from .heads import classification_head, ssd_head, yolo_head
from .superblob import make_superblob, read_superblob
from .tar import SUFFIXES, Archive, is_archive, read_archive, write_archive

__all__ = [
    "SUFFIXES",
    "Archive",
    "ArchiveConfig",
    "ArchiveInput",
    "ArchiveOutput",
    "Head",
    "Preprocessing",
    "classification_head",
    "default_layout",
    "is_archive",
    "make_superblob",
    "read_archive",
    "read_config",
    "read_superblob",
    "ssd_head",
    "write_archive",
    "yolo_head",
]
