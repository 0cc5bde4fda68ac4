"""An openvino model down to opset 1..7, and IR v10 bytes."""

from .finding import Finding
from .legalise import Applied, Legalised, legalise
from .write import serialise

__all__ = ["Applied", "Finding", "Legalised", "legalise", "serialise"]
