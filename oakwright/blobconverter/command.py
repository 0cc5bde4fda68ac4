"""blobconverter's command line, its flags and its one line of result."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from oakwright.errors import OakwrightError, UsageError

from . import (
    Versions,
    from_caffe,
    from_config,
    from_onnx,
    from_openvino,
    from_tf,
    from_zoo,
    zoo_list,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blobconverter", description="Models to blobs, on this machine or a server of yours."
    )
    versions = [v for k, v in vars(Versions).items() if k.startswith("v")]
    parser.add_argument("-zn", "--zoo-name", help="a model of your zoo folder")
    parser.add_argument("-zt", "--zoo-type", help="intel or depthai: a folder in the zoo folder")
    parser.add_argument("-onnx", "--onnx-model", help="an ONNX file")
    parser.add_argument("-cp", "--caffe-proto", help="a Caffe .prototxt")
    parser.add_argument("-cm", "--caffe-model", help="a Caffe .caffemodel")
    parser.add_argument("-tf", "--tensorflow-pb", help="a TensorFlow .pb")
    parser.add_argument("-ox", "--openvino-xml", help="an OpenVINO .xml")
    parser.add_argument("-ob", "--openvino-bin", help="its .bin")
    parser.add_argument("-rawn", "--raw-name", help="name of the result of --raw-config")
    parser.add_argument("-rawc", "--raw-config", help="a model description (.yml)")
    parser.add_argument("-sh", "--shaves", type=int, default=4, choices=range(1, 17))
    parser.add_argument("-dt", "--data-type", help="FP16 or FP32")
    parser.add_argument("-o", "--output-dir", help="folder (or .blob file) of the result")
    parser.add_argument("-v", "--version", choices=versions, help="version in the blob's header")
    parser.add_argument("--optimizer-params", help="Model Optimizer flags, comma or space apart")
    parser.add_argument("--compile-params", help="Compile Tool flags")
    parser.add_argument(
        "--converter-url", dest="url", help="a server of yours (oakwright serve) to convert there"
    )
    parser.add_argument("--no-cache", dest="use_cache", action="store_false")
    parser.add_argument("--dry", action="store_true", help="print the commands, run nothing")
    parser.add_argument("--zoo-list", action="store_true", help="list your zoo folder")
    parser.add_argument("--download-ir", action="store_true", help="a zip of IR and blob")
    return parser


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; prints the result's path. Gives the exit code."""
    parsed = _parser().parse_args(arguments)
    common = {
        key: getattr(parsed, key)
        for key in ("shaves", "output_dir", "version", "url", "use_cache", "dry", "download_ir")
        if getattr(parsed, key) is not None
    }
    if parsed.compile_params is not None:
        common["compile_params"] = [parsed.compile_params]
    flags = parsed.optimizer_params
    tuned = {"data_type": parsed.data_type}
    if flags is not None:
        tuned["optimizer_params"] = [f for f in flags.replace(",--", " --").split(" ") if f]
    try:
        result: Any
        if parsed.zoo_list:
            result = zoo_list(parsed.version, parsed.url, parsed.zoo_type or "intel")
        elif parsed.zoo_name:
            result = from_zoo(parsed.zoo_name, zoo_type=parsed.zoo_type, **common)
        elif parsed.onnx_model:
            result = from_onnx(parsed.onnx_model, **tuned, **common)
        elif parsed.openvino_xml and parsed.openvino_bin:
            result = from_openvino(parsed.openvino_xml, parsed.openvino_bin, **common)
        elif parsed.tensorflow_pb:
            result = from_tf(parsed.tensorflow_pb, **tuned, **common)
        elif parsed.caffe_proto and parsed.caffe_model:
            result = from_caffe(parsed.caffe_proto, parsed.caffe_model, **tuned, **common)
        elif parsed.raw_name and parsed.raw_config:
            result = from_config(parsed.raw_name, parsed.raw_config, **common)
        else:
            raise UsageError(
                "no model was given", remedy="e.g. --onnx-model model.onnx; --help lists the rest"
            )
    except FileNotFoundError as error:
        print(f"error: there is no file {error}", file=sys.stderr)
        return 1
    except OakwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2) if isinstance(result, (dict, list)) else result)
    return 0
