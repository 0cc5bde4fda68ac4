"""From a stage to the ops it means: one function per kind of stage."""

from .table import LIFTS

__all__ = ["LIFTS"]
