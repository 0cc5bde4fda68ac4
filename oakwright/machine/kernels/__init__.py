"""One function per stage type, in files by family; ``table`` says which is which.

Every kernel is ``kernel(params, inputs, outputs) -> array``: the stage's parameters, the tensors
it reads in file order (absent ones left out), the forms of what it writes. It returns float32 or
integers of the output's shape, one array per output; rounding to the output's type is the
machine's. A kernel raises ValueError for what it cannot make sense of.
"""

from .table import KERNELS, UNSUPPORTED
from .tensor import Array, Form, Tensor

__all__ = ["KERNELS", "UNSUPPORTED", "Array", "Form", "Tensor"]
