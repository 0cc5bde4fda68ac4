"""Model Optimizer's command line: ``python -m oakwright.mo --input_model X.onnx ...``.

Scripts that call ``mo`` or ``mo.py`` by ``subprocess`` work by changing one path. The result is an
IR v10 that compiles to a blob; flags are those of Model Optimizer 2021.4 and 2022.1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from oakwright import conversion
from oakwright.errors import OakwrightError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert as Model Optimizer would be asked to; gives the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        asked, options = conversion.read_mo_arguments(words, conversion.ConvertOptions(to="ir"))
        if not asked.model:
            raise UsageError("no model was given", remedy="--input_model X.onnx")
        for flag in asked.ignored:
            print(f"note: {flag} changes nothing here")
        source = (asked.proto, asked.model) if asked.proto else asked.model
        result = conversion.convert(source, options=options)
        name = asked.name or Path(asked.model).stem
        xml = Path(asked.output_dir or ".") / f"{name}.xml"
        result.save(xml)
    except OakwrightError as error:
        print(f"[ ERROR ]  {error}", file=sys.stderr)
        return 1
    for line in result.manifest["applied"]:
        print(f"  {line}")
    for note in result.manifest["notes"]:
        print(f"  note: {note}")
    print("[ SUCCESS ] Generated IR version 10 model.")
    print(f"[ SUCCESS ] XML file: {xml.resolve()}")
    print(f"[ SUCCESS ] BIN file: {xml.with_suffix('.bin').resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
