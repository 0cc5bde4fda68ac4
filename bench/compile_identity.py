"""Are the bytes the same? With and without the skipped wait, and against the vendor's own wheel.

    python bench/compile_identity.py [--oracle-python PYTHON] [--networks a,b] [--no-stock]

Compiles ten networks for 1, 4, 6, 8 and 16 shaves with the engine as it is (five seconds of
waiting each) and as oakwright runs it, and, where a Python 3.8 or 3.9 is found (on PATH, under
``~/.pyenv``, or named), with ``openvino==2021.4.2`` in a fresh environment. The outcome goes to
``bench-output/compile-identity.json``; any difference makes the exit status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compile_networks import NETWORKS, ir_bytes

from oakwright.compiler import CompileOptions, compile_ir, compile_many
from oakwright.compiler.patch import LIBUSB_NAMES, empty_library

ROOT = Path(__file__).parents[1]
SHAVES = (1, 4, 6, 8, 16)
ORACLE = "openvino==2021.4.2"

# What the old Python runs. There the compile works and making infer requests for the missing
# stick fails, so the blob is picked up from the model cache, behind its XML header.
ORACLE_SCRIPT = """
import glob, os, shutil, sys, tempfile
from openvino.inference_engine import IECore
folder, names, shaves = sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(",")
for name in names:
    for count in shaves:
        cache = tempfile.mkdtemp(dir=folder)
        core = IECore()
        core.set_config({"CACHE_DIR": cache}, "")
        stem = os.path.join(folder, name)
        net = core.read_network(stem + ".xml", stem + ".bin")
        for table in (net.input_info, net.outputs):
            for tensor in table.values():
                tensor.precision = "FP16" if tensor.precision in ("FP32", "FP16") else "I32"
        config = {"VPU_MYRIAD_PLATFORM": "VPU_MYRIAD_2480", "MYRIAD_NUMBER_OF_SHAVES": count,
                  "MYRIAD_NUMBER_OF_CMX_SLICES": count, "MYRIAD_THROUGHPUT_STREAMS": "1"}
        try:
            core.load_network(net, "MYRIAD", config)
        except RuntimeError:
            pass
        (cached,) = glob.glob(os.path.join(cache, "*.blob"))
        data = open(cached, "rb").read()
        open("%s-%s.blob" % (stem, count), "wb").write(data[data.index(b"\\x7felf"):])
        shutil.rmtree(cache)
"""


def find_old_python(named: str | None) -> Path | None:
    """A Python that the vendor's wheel of 2021.4.2 runs on."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [named] if named else [shutil.which("python3.8"), shutil.which("python3.9")]
    if not named:
        candidates += [str(p) for v in ("3.8*", "3.9*") for p in pyenv.glob(f"{v}/bin/python")]
    for candidate in filter(None, candidates):
        code = "import sys, ensurepip; print(sys.version_info[:2] in ((3, 8), (3, 9)))"
        answer = subprocess.run(
            [candidate, "-c", code], capture_output=True, text=True, check=False
        )
        if answer.stdout.strip() == "True":
            return Path(candidate)
    return None


def run_oracle(python: Path, networks: dict[str, tuple[bytes, bytes]]) -> dict[str, bytes]:
    """Blobs of the vendor's wheel by "network-shaves"."""
    with tempfile.TemporaryDirectory(prefix="oakwright-oracle-") as name:
        folder = Path(name)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        subprocess.run([python, "-m", "venv", folder / "venv"], check=True, env=environment)
        own = folder / "venv/bin/python"
        install = [own, "-m", "pip", "install", "-q", "--no-warn-script-location", ORACLE]
        subprocess.run(install, check=True, env=environment, stderr=subprocess.DEVNULL)
        for stem, (xml, weights) in networks.items():
            (folder / f"{stem}.xml").write_bytes(xml)
            (folder / f"{stem}.bin").write_bytes(weights)
        # Its plugin needs a libusb, which many machines lack; it need not do anything.
        usb = folder / "usb"
        usb.mkdir()
        (usb / "libusb-1.0.so.0").write_bytes(empty_library("libusb-1.0.so.0", LIBUSB_NAMES))
        libraries = next((folder / "venv").glob("lib/python*/site-packages/openvino/libs"))
        environment["LD_LIBRARY_PATH"] = f"{usb}:{libraries}"
        shaves = ",".join(map(str, SHAVES))
        command = [own, "-c", ORACLE_SCRIPT, folder, ",".join(networks), shaves]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return {blob.stem: blob.read_bytes() for blob in folder.glob("*.blob")}


def compare(networks: dict[str, tuple[bytes, bytes]], stock: bool, oracle: Path | None) -> dict:
    official = run_oracle(oracle, networks) if oracle else {}
    rows = []
    for name, (xml, weights) in networks.items():
        blobs = compile_many(xml, weights, [CompileOptions(shaves=n) for n in SHAVES])
        for shaves, blob in zip(SHAVES, blobs, strict=True):
            row = {"network": name, "shaves": shaves, "bytes": len(blob)}
            row["sha256"] = hashlib.sha256(blob).hexdigest()
            if stock:
                started = time.monotonic()
                waiting = CompileOptions(shaves=shaves, skip_device_wait=False)
                row["same_as_stock"] = compile_ir(xml, weights, waiting) == blob
                row["stock_seconds"] = round(time.monotonic() - started, 2)
            if oracle:
                row["same_as_official"] = official[f"{name}-{shaves}"] == blob
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return {"oracle": f"{ORACLE} on {oracle.name}" if oracle else None, "rows": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--oracle-python", help="a Python 3.8 or 3.9")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names, comma-separated")
    parser.add_argument("--no-stock", action="store_true", help="leave out the waiting engine")
    options = parser.parse_args()
    oracle = find_old_python(options.oracle_python)
    if oracle is None:
        print(f"SKIPPED: the comparison with {ORACLE} (no Python 3.8 or 3.9 found)")
    networks = {name: ir_bytes(NETWORKS[name]()) for name in options.networks.split(",")}
    report = compare(networks, not options.no_stock, oracle)
    output = ROOT / "bench-output" / "compile-identity.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")
    rows = report["rows"]
    for key, what in (("same_as_stock", "the waiting engine"), ("same_as_official", ORACLE)):
        judged = [row[key] for row in rows if key in row]
        if judged:
            print(f"{sum(judged)} of {len(judged)} blobs equal to those of {what}")
    return 0 if all(row.get(k, True) for row in rows for k in row if k.startswith("same")) else 1


if __name__ == "__main__":
    sys.exit(main())
