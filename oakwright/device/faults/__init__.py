"""Faults on demand: what goes wrong, when, and how a virtual camera shows it.

``spec`` reads what was asked for, ``timeline`` says what of it holds at a moment, ``injector`` does
it to nodes and queues, ``watch`` takes the link away when its time has come, ``dump`` is what a
crashed device leaves. None of them loads ``depthai`` by itself: settings are read before it is.
"""

from .injector import FaultInjector
from .spec import KINDS, Fault, parse_fault, parse_faults, read_fault_file
from .timeline import Loss, Timeline
from .watch import LinkWatch

__all__ = [
    "KINDS",
    "Fault",
    "FaultInjector",
    "LinkWatch",
    "Loss",
    "Timeline",
    "parse_fault",
    "parse_faults",
    "read_fault_file",
]
