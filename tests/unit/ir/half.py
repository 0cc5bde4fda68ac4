"""A model as it is with each of its numbers rounded to FP16 by itself."""

import numpy as np
import openvino as ov

from oakwright.ir.storage import stored


def as_half(model: ov.Model) -> ov.Model:
    """A copy; its constants stay F32, so that the CPU computes in F32."""
    work = model.clone()
    for node in work.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.f32:
            new = ov.op.Constant(stored(np.asarray(node.data)))
            for target in node.output(0).get_target_inputs():
                target.replace_source_output(new.output(0))
    return work
