"""Model zoos: manifests (``model.yml``) in folders, files checked by hash, conversion offline."""

from .convert import convert_model, plan_arguments
from .download import download
from .manifest import ZooFile, ZooModel, read_manifest
from .shelf import Shelf

__all__ = [
    "Shelf",
    "ZooFile",
    "ZooModel",
    "convert_model",
    "download",
    "plan_arguments",
    "read_manifest",
]
