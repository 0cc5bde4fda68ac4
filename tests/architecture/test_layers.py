"""ARCHITECTURE.md's table of rooms is the law; this reads it and every import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "oakwright"


def allowed() -> dict[str, set[str]]:
    table = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        row = re.match(r"\| `(\w+)` \|([^|]*)\|", line)
        if row:
            table[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    return table


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path):
    """(line, module) of every import in a file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module
            if node.module == "oakwright":
                yield from ((node.lineno, f"oakwright.{alias.name}") for alias in node.names)


def sources():
    return [
        p for p in PACKAGE.rglob("*.py") if p.name not in ("__main__.py",) and p.parent != PACKAGE
    ] + [p for p in PACKAGE.glob("*.py") if p.name not in ("__init__.py", "__main__.py")]


def test_every_room_stands_in_the_table():
    assert {room_of(p) for p in sources()} == set(allowed())


def test_arrows_point_down():
    table, wrong = allowed(), []
    for path in sources():
        room = room_of(path)
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] != "oakwright" or len(parts) == 1 or parts[1].startswith("__"):
                continue
            here = f"{path.relative_to(ROOT)}:{line} imports {module}"
            if parts[1] == room and room not in ("errors", "tensor", "files"):
                wrong.append(f"{here}: inside a room imports are relative")
            elif parts[1] not in table[room]:
                wrong.append(f"{here}: not in ARCHITECTURE.md's row for {room}")
            elif len(parts) > 2:
                wrong.append(f"{here}: take it from the room's __init__")
    assert not wrong, "\n".join(wrong)


def test_no_circles():
    table = allowed()

    def reach(room: str, seen: tuple[str, ...]) -> None:
        assert room not in seen, " -> ".join((*seen, room))
        for below in table[room]:
            reach(below, (*seen, room))

    for room in table:
        reach(room, ())


def test_import_loads_nothing_heavy():
    code = (
        "import sys, oakwright; heavy = {'torch', 'openvino', 'onnx', 'numpy', 'cv2', 'depthai',"
        " 'rich', 'click'} & set(sys.modules); print(sorted(heavy))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_public_names_are_there():
    import oakwright

    for name in oakwright.__all__:
        assert getattr(oakwright, name) is not None
