"""Rewriting a model into opset 1..7 and the forms the engine accepts."""

from .driver import Applied, Legalised, legalise
from .names import PortNames, port_names
from .rewrite import Refusal, Rule, op

__all__ = ["Applied", "Legalised", "PortNames", "Refusal", "Rule", "legalise", "op", "port_names"]
