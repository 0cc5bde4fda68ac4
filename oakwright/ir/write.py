"""IR v10: an openvino model as the two files the 2021.4 engine reads, as bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import openvino as ov
from openvino._offline_transformations import compress_model_transformation
from openvino.passes import Manager, Serialize

from .balance import balance_filters


def serialise(model: ov.Model, *, fp16: bool = True) -> tuple[bytes, bytes]:
    """The ``.xml`` and the ``.bin`` of a model as IR v10; the same model gives the same bytes.

    With ``fp16`` the float constants are stored in FP16, which is what the chip computes in and
    what Model Optimizer's ``--data_type FP16`` wrote. The model itself is not changed.
    """
    work = model.clone()
    # A fresh model carries no rt_info of the source: an IR version there makes the writer refuse,
    # and conversion arguments there hold paths of this machine.
    work = ov.Model(work.get_results(), work.get_parameters(), model.get_friendly_name())
    for port in (*work.inputs, *work.outputs):
        # The writer would add names OpenVINO made up, with a counter of the process in them.
        source = port.get_node()
        layer = source.input_value(0).get_node() if source.get_type_name() == "Result" else source
        port.get_tensor().set_names({layer.get_friendly_name()})
    if fp16:
        balance_filters(work)
        compress_model_transformation(work)
    with tempfile.TemporaryDirectory(prefix="oakwright-ir-") as folder:
        xml, weights = Path(folder, "model.xml"), Path(folder, "model.bin")
        manager = Manager()
        manager.register_pass(Serialize(str(xml), str(weights), "IR_V10"))
        manager.run_passes(work)
        return xml.read_bytes(), weights.read_bytes()
