"""Any model to a blob: sources, options, preprocessing, checks, cache."""

from .arguments import from_arguments, read_compile_arguments, read_mo_arguments
from .cache import Cache
from .check import Checked, check, describe_model
from .convert import convert
from .ir_file import compile_as_asked, compile_ir_file
from .look import Look, look
from .options import (
    DEFAULT_SHAVES,
    IMAGENET_MEAN,
    IMAGENET_SCALE,
    RANGES,
    STAMPS,
    ConvertOptions,
    InputOptions,
    channel_values,
    parse_shaves,
)
from .own_code import frozen_branches, import_place, require_torch
from .performance import LayerCost, Performance
from .performance_picture import draw_costs
from .preload import preload
from .reading import Reading, read_model
from .result import Converted

# What Compile Tool does to an IR, under the name people look for.
compile = compile_ir_file

__all__ = [
    "DEFAULT_SHAVES",
    "IMAGENET_MEAN",
    "IMAGENET_SCALE",
    "RANGES",
    "STAMPS",
    "Cache",
    "Checked",
    "ConvertOptions",
    "Converted",
    "InputOptions",
    "LayerCost",
    "Look",
    "Performance",
    "Reading",
    "channel_values",
    "check",
    "compile",
    "compile_as_asked",
    "compile_ir_file",
    "convert",
    "describe_model",
    "draw_costs",
    "from_arguments",
    "frozen_branches",
    "import_place",
    "look",
    "parse_shaves",
    "preload",
    "read_compile_arguments",
    "read_mo_arguments",
    "read_model",
    "require_torch",
]
