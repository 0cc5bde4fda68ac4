"""The nodes of a pipeline, one file per node or close family; ``table`` has them all.

To add one: a class derived from ``Node`` in a file here, and its row in ``table.NODES``. The class
says which properties it acts on (``honoured``) and which are accepted without effect here
(``harmless``); any other that a script sets is named when the pipeline starts.
"""

from .node import Context, Node
from .table import NO_NODES, NODES, PERIPHERAL

__all__ = ["NODES", "NO_NODES", "PERIPHERAL", "Context", "Node"]
