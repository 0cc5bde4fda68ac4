"""``oakwright export``: a trained detector as IR, ONNX, blob, NN Archive and application."""

from __future__ import annotations

import click

from oakwright import training
from oakwright.conversion import parse_shaves, read_mo_arguments
from oakwright.errors import UsageError


@click.command("export")
@click.option("--load-weights", required=True, metavar="PTH", help="latest.pth or best.pth.")
@click.option("--save-model-to", default="export", show_default=True, metavar="FOLDER")
@click.option("--openvino", is_flag=True, help="IR; the default where no other form is named.")
@click.option("--onnx", is_flag=True, help="model.onnx.")
@click.option("--blob", is_flag=True, help="A Myriad X blob, for frames as a camera sends them.")
@click.option("--shaves", default=None, metavar="N[,N...]", help="Of the blob; 6 by default.")
@click.option("--archive", is_flag=True, help="The blob as an NN Archive too.")
@click.option("--app", default=None, metavar="FOLDER", help="A DepthAI script that runs the blob.")
@click.option(
    "--confidence",
    type=float,
    default=0.5,
    show_default=True,
    help="The least that script and archive show; `oakwright eval` names the best F1's.",
)
@click.option("--fp16", is_flag=True, help="IRs of half the size.")
@click.option("--u8-input", is_flag=True, help="IRs take bytes: mean and scale are inside.")
@click.option(
    "--openvino-input-format",
    type=click.Choice(["BGR", "RGB"], case_sensitive=False),
    default="BGR",
    show_default=True,
    help="Order of the planes that IR and ONNX take.",
)
@click.option(
    "--openvino-mo-args", default="", metavar="TEXT", help="Only --data_type is honoured."
)
def export_command(
    load_weights: str,
    save_model_to: str,
    openvino: bool,
    onnx: bool,
    blob: bool,
    shaves: str | None,
    archive: bool,
    app: str | None,
    confidence: float,
    fp16: bool,
    u8_input: bool,
    openvino_input_format: str,
    openvino_mo_args: str,
) -> None:
    """Write a trained detector's files for others to run.

    model.xml and model.bin take a normalised picture as planes; alt_ssd_export/ holds the same with
    DetectionOutput at its end. Blobs have it too, and take frames as a camera sends them.
    """
    wants_blob = blob or archive or app is not None or shaves is not None
    options = training.ExportOptions(
        color=openvino_input_format.upper(),
        fp16=fp16 or _wants_fp16(openvino_mo_args),
        u8_input=u8_input,
        openvino=openvino or not (onnx or wants_blob),
        onnx=onnx,
        shaves=parse_shaves(shaves or "6") if wants_blob else (),
        archive=archive,
        confidence=confidence,
    )
    training.share_processor()
    written = training.export(
        load_weights,
        save_model_to,
        options,
        app=app,
        tell=lambda line: click.echo(f"{line} ...", err=True),
    )
    for path in written:
        click.echo(path)


def _wants_fp16(text: str) -> bool:
    words = text.split()
    if not words:
        return False
    found, options = read_mo_arguments(words)
    if options.inputs or options.outputs or found.model or found.name or found.output_dir:
        raise UsageError(
            f"--openvino-mo-args '{text}': the export's input and outputs are what they are",
            remedy="--u8-input puts mean and scale inside, --openvino-input-format says the order",
            key="openvino_mo_args",
        )
    for flag in found.ignored:
        click.echo(f"note: {flag} changes nothing here", err=True)
    return "data_type" in text and options.compress_to_fp16
