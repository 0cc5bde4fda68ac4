"""Custom detectors: a template, pictures with boxes, and a checkpoint at the end.

:func:`train` is the loop; :func:`load_checkpoint` reads what it wrote. torch is loaded when one of
these is first used.
"""

from typing import TYPE_CHECKING, Any

from oakwright.errors import UsageError

if TYPE_CHECKING:
    from .checkpoint import Checkpoint
    from .checkpoint import load as load_checkpoint
    from .checkpoint import save as save_checkpoint
    from .compression import Compressed, CompressOptions, compress
    from .description import Description
    from .detectors import Detector, check_classes, open_detector
    from .evaluation import Evaluated, evaluate, summary
    from .exports import ExportOptions, export
    from .loop import train
    from .metrics import Detections, Metrics, coco_metrics
    from .metrics_file import save_metrics
    from .on_camera import open_application
    from .options import TrainOptions, parse_duration
    from .processes import launch
    from .processor import share_processor
    from .progress import Progress, Trained
    from .quickstart_run import Quickstarted, QuickstartOptions, quickstart
    from .report import save_report
    from .template import Template, names, read_template
    from .work_folder import instantiate

_PLACES = {
    "Checkpoint": ("checkpoint", "Checkpoint"),
    "load_checkpoint": ("checkpoint", "load"),
    "save_checkpoint": ("checkpoint", "save"),
    "Compressed": ("compression", "Compressed"),
    "CompressOptions": ("compression", "CompressOptions"),
    "compress": ("compression", "compress"),
    "Description": ("description", "Description"),
    "Detector": ("detectors", "Detector"),
    "check_classes": ("detectors", "check_classes"),
    "open_detector": ("detectors", "open_detector"),
    "Evaluated": ("evaluation", "Evaluated"),
    "evaluate": ("evaluation", "evaluate"),
    "summary": ("evaluation", "summary"),
    "Detections": ("metrics", "Detections"),
    "Metrics": ("metrics", "Metrics"),
    "coco_metrics": ("metrics", "coco_metrics"),
    "save_metrics": ("metrics_file", "save_metrics"),
    "save_report": ("report", "save_report"),
    "ExportOptions": ("exports", "ExportOptions"),
    "export": ("exports", "export"),
    "open_application": ("on_camera", "open_application"),
    "instantiate": ("work_folder", "instantiate"),
    "TrainOptions": ("options", "TrainOptions"),
    "parse_duration": ("options", "parse_duration"),
    "share_processor": ("processor", "share_processor"),
    "Template": ("template", "Template"),
    "names": ("template", "names"),
    "read_template": ("template", "read_template"),
    "Progress": ("progress", "Progress"),
    "QuickstartOptions": ("quickstart_run", "QuickstartOptions"),
    "Quickstarted": ("quickstart_run", "Quickstarted"),
    "quickstart": ("quickstart_run", "quickstart"),
    "Trained": ("progress", "Trained"),
    "launch": ("processes", "launch"),
    "train": ("loop", "train"),
}

__all__ = [
    "Checkpoint", "CompressOptions", "Compressed", "Description", "Detections", "Detector",
    "Evaluated", "ExportOptions", "Metrics", "Progress", "QuickstartOptions", "Quickstarted",
    "Template", "TrainOptions", "Trained",
    "check_classes", "coco_metrics", "compress", "evaluate", "export", "instantiate", "launch",
    "load_checkpoint", "names", "open_application", "open_detector", "parse_duration",
    "quickstart", "read_template", "save_checkpoint", "save_metrics", "save_report",
    "share_processor", "summary", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from importlib import import_module

    module, attribute = _PLACES[name]
    try:
        value = getattr(import_module(f".{module}", __name__), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("oakwright"):
            raise
        raise UsageError(
            f"training needs {error.name}, which is not installed",
            remedy="pip install 'oakwright[train]'",
        ) from error
    # A module of the same name would otherwise stand there from now on.
    globals()[name] = value
    return value
