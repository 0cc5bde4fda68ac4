"""``oakwright compress``: a trained detector as int8."""

from __future__ import annotations

import click

from oakwright import training
from oakwright.errors import UsageError

# Of the tutorial's command; nothing here does them.
_OTHERS = ("sparsity", "pruning", "binarization")


@click.command("compress")
@click.option("--load-weights", required=True, metavar="PTH", help="best.pth of a training.")
@click.option("--train-ann-files", required=True, metavar="FILE[,...]", help="COCO, VOC or YOLO.")
@click.option("--train-data-roots", default=None, metavar="FOLDER[,...]", help="Of the pictures.")
@click.option("--val-ann-files", required=True, metavar="FILE[,...]", help="To choose on.")
@click.option("--val-data-roots", default=None, metavar="FOLDER[,...]", help="Of its pictures.")
@click.option("--save-checkpoints-to", default="outputs", show_default=True, metavar="FOLDER")
@click.option("--nncf-quantization", is_flag=True, help="int8; the only way there is.")
@click.option("--nncf-sparsity", is_flag=True, hidden=True)
@click.option("--nncf-pruning", is_flag=True, hidden=True)
@click.option("--nncf-binarization", is_flag=True, hidden=True)
@click.option("--classes", default=None, metavar="A,B,...", help="Those the detector has.")
@click.option("--batch-size", type=click.IntRange(1), default=None, help="The template's.")
@click.option("--base-learning-rate", type=float, default=None, help="Of the training with int8.")
@click.option("--steps", type=click.IntRange(0), default=None, help="Of it; 40 by default.")
@click.option("--gpu-num", type=int, default=None, hidden=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def compress_command(
    nncf_quantization: bool,
    nncf_sparsity: bool,
    nncf_pruning: bool,
    nncf_binarization: bool,
    gpu_num: int | None,
    base_learning_rate: float | None,
    steps: int | None,
    **values: object,
) -> None:
    """Round a trained detector to int8: smaller and faster on CPUs with OpenVINO, not on an OAK.

    Ranges are measured on training pictures, then trained with for a few steps; compressed.pth is
    the better of the two on the validation set. `eval` and `export` take it as any checkpoint.
    """
    asked = (nncf_sparsity, nncf_pruning, nncf_binarization)
    for name, is_asked in zip(_OTHERS, asked, strict=True):
        if is_asked:
            raise UsageError(
                f"--nncf-{name} is not done here",
                remedy="--nncf-quantization is",
                key=f"nncf_{name}",
            )
    if not nncf_quantization:
        raise UsageError("nothing to do", remedy="say --nncf-quantization")
    if gpu_num:
        click.echo("note: compressing runs on the CPU", err=True)
    training.share_processor()
    more = {"base_learning_rate": base_learning_rate, "steps": steps}
    given = {key: value for key, value in more.items() if value is not None}
    options = training.CompressOptions(**values, **given)  # type: ignore[arg-type]
    made = training.compress(options, say=click.echo)
    click.echo(f"kept: {made.kept}, AP {made.ap:.3f}")
    click.echo(made.path)
