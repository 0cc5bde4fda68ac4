"""Coverage-guided fuzzing of the blob reader: bytes in, a Blob or a BlobError out, soon.

Needs atheris, which is not among the development tools (it exists for few Pythons)::

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris numpy
    PYTHONPATH=. python tests/fuzz/make_seeds.py /tmp/fuzz-seeds
    PYTHONPATH=. /tmp/fuzz/bin/python tests/fuzz/fuzz_blob.py /tmp/fuzz-corpus /tmp/fuzz-seeds \
        tests/corpus/blobs -runs=1000000 -max_len=8192 -timeout=10 -rss_limit_mb=2048

Anything but BlobError ends the run with the input in a crash file; so do ten seconds or 2 GB for
one input. ``docs/formats/blob.md`` has the last long run's result.
"""

import json
import random
import struct
import sys

import atheris

with atheris.instrument_imports(include=["oakwright.blob"]):
    from oakwright.blob import Blob, diff, to_json
    from oakwright.errors import BlobError

# Words that sit on the edges of what a reader checks: counts, codes, offsets, flags.
WORDS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 38, 0x43, 0x4321, 0x7F83FF19, 0x7FFFFFFF, 0x80000000)
WORDS += (0xFFFFFFFF, 0x10000, 1 << 24, 119, 120, 142, 64, 192)


def test_one_input(data: bytes) -> None:
    """Read everything that can be read of ``data``, in all the ways a user has."""
    try:
        blob = Blob.from_bytes(data)
        blob.check()
    except BlobError as error:
        if not 0 <= error.offset <= len(data):
            raise RuntimeError(f"an offset outside the file: {error}") from error
        return
    blob.validate()
    blob.describe()
    json.dumps(to_json(blob), allow_nan=False)
    assert diff(blob, blob) == []


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Half the time libFuzzer's own mutations, else words of the format, with the size mended.

    Plain byte mutations die at the header's file size; mending it lets insertions go deeper.
    """
    chance = random.Random(seed)
    if chance.random() < 0.4 or len(data) < 140:
        data = atheris.Mutate(data, max_size)
    else:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            at = chance.randrange(len(changed) // 4) * 4
            old = struct.unpack_from("<I", changed, at)[0] if at + 4 <= len(changed) else 0
            new = chance.choice((*WORDS, old + 1, old - 1, old * 2, old ^ 0x4, len(changed)))
            changed[at : at + 4] = struct.pack("<I", new & 0xFFFFFFFF)
        if chance.random() < 0.2:
            at = chance.randrange(33, len(changed) // 4) * 4
            size = chance.choice((4, 8, 28, 36, 64))
            if chance.random() < 0.5:
                del changed[at : at + size]
            else:
                changed[at:at] = changed[at : at + size]
        data = bytes(changed[:max_size])
    if len(data) >= 60 and chance.random() < 0.8:
        data = data[:56] + struct.pack("<I", len(data)) + data[60:]
    return data


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input, custom_mutator=mutate)
    atheris.Fuzz()
