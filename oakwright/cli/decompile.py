"""``oakwright decompile`` and ``oakwright netron``: a blob as a graph."""

from __future__ import annotations

from pathlib import Path

import click

from oakwright import blob as blobs
from oakwright.errors import UsageError
from oakwright.files import write_all_aside, write_aside

# What netron draws of what people have here.
_MODELS = (".xml", ".onnx", ".blob", ".pb", ".tflite", ".pt", ".pth", ".pt2", ".prototxt", ".h5",
           ".keras", ".caffemodel", ".pdmodel", ".torchscript")  # fmt: skip
# The name of every network that `decompile` writes starts so; see decompiler.decompile.
_OURS = b'name="blob-'


@click.command("decompile")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="An .xml file.")
@click.option("--force", is_flag=True, help="Replace an IR that is there, whoever made it.")
def decompile_command(file: Path, out: Path, force: bool) -> None:
    """Turn a blob back into an OpenVINO IR (.xml and .bin).

    The result opens in Netron, runs on OpenVINO and can be compiled again for other shaves.
    An IR that was not decompiled from a blob is not replaced.
    """
    if out.suffix.lower() != ".xml":
        raise UsageError(f"{out} must end in .xml", remedy="an IR is an .xml and a .bin", key="out")
    blob = blobs.Blob.open(file)
    weights_path = out.with_suffix(".bin")
    if not force and (out.exists() or weights_path.exists()) and not _is_ours(out):
        raise UsageError(
            f"{out if out.exists() else weights_path} is there already, and not decompiled from a"
            " blob: it may be somebody's source",
            remedy="choose another name, or say --force",
            key="out",
        )
    xml, weights, layers = decompiled_ir(blob)
    click.echo(write_all_aside({out: xml, weights_path: weights})[0])
    click.echo(f"{len(blob.stages)} stages became {layers} layers")


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _OURS in file.read(400)
    except OSError:
        return False


def decompiled_ir(blob: blobs.Blob) -> tuple[bytes, bytes, int]:
    """The decompiled model as IR bytes, and how many layers do something."""
    from oakwright import ir
    from oakwright.decompiler import decompile

    model = decompile(blob)
    xml, weights = ir.serialise(model)
    passive = ("Parameter", "Result", "Constant", "Convert")
    return xml, weights, sum(op.get_type_name() not in passive for op in model.get_ops())


@click.command("netron")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--port", type=click.IntRange(1, 65535), default=None, help="Serve on this port of localhost."
)
@click.option("--no-browser", is_flag=True, help="Only serve; print the address.")
def netron_command(file: Path, port: int | None, no_browser: bool) -> None:
    """Show a model's graph in Netron: a blob (decompiled), an IR or an ONNX file."""
    import tempfile

    try:
        import netron
    except ImportError as error:
        raise UsageError(
            "Netron is not installed", remedy="pip install 'oakwright[viewer]'"
        ) from error
    with file.open("rb") as stream:
        is_blob = stream.read(4) == b"\x7felf" or file.suffix.lower() == ".blob"
    if not is_blob and file.suffix.lower() not in _MODELS:
        raise UsageError(f"{file} is no model", remedy=f"known are {', '.join(_MODELS)}")
    with tempfile.TemporaryDirectory(prefix="oakwright-netron-") as folder:
        shown = file
        if is_blob:
            xml, weights, _ = decompiled_ir(blobs.Blob.open(file))
            shown = write_aside(Path(folder) / f"{file.stem}.xml", xml)
            write_aside(shown.with_suffix(".bin"), weights)
        where = ("localhost", port or 0)
        try:
            address = netron.start(str(shown), address=where, browse=not no_browser)
        except OSError as error:
            raise UsageError(
                f"Netron cannot serve on port {port}: {error.strerror}",
                remedy="give another --port, or none",
            ) from error
        click.echo(f"http://{address[0]}:{address[1]} shows {file}; Ctrl-C ends it")
        netron.wait()
