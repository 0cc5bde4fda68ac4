"""Writes blobs byte by byte for tests, independent of the reader and of the engine."""

import struct
from math import prod

MAGIC = bytes.fromhex("7f656c66") + bytes(12) + bytes.fromhex("0100020002000000") + bytes(16)
MAGIC += bytes.fromhex("a001") + bytes(10)
BORDER = 0x7F83FF19
SIZES = {0: 2, 1: 1, 2: 4, 3: 4, 4: 1}
ORDERS = {1: 0x3, 2: 0x43, 3: 0x321, 4: 0x4321, 5: 0x43521}
NONE, INPUT, OUTPUT, BLOB, BSS, CMX = range(6)


def u32(*values):
    return struct.pack(f"<{len(values)}I", *(v & 0xFFFFFFFF for v in values))


def f32(*values):
    return struct.pack(f"<{len(values)}f", *values)


def align(data, to=64):
    return data + bytes(-len(data) % to)


class Assembler:
    """Collects constants, inputs, outputs and stages; ``build`` gives the file's bytes."""

    def __init__(self):
        self.constants = bytearray()
        self.infos = {INPUT: [], OUTPUT: []}
        self.sizes = {INPUT: 0, OUTPUT: 0}
        self.stages = []
        self.bss = 1 << 20
        self.slices = 2
        self.shaves = 4
        self.version = (6, 0)
        self.batch = 1

    def constant(self, data):
        """Append bytes to the constants; their offset."""
        self.constants += bytes(-len(self.constants) % 4)
        offset = len(self.constants)
        self.constants += data
        return offset

    def desc(self, dims, kind=0, order=None, strides=None):
        """A description; ``dims`` in stored order. Returns (bytes, size in bytes)."""
        if strides is None:
            strides = [SIZES[kind] * prod(dims[:k]) for k in range(len(dims))]
        where = self.constant(u32(*dims)), self.constant(u32(*strides))
        order = ORDERS[len(dims)] if order is None else order
        words = u32(kind, order, len(dims), BLOB, where[0], BLOB, where[1])
        return words, sum((d - 1) * s for d, s in zip(dims, strides, strict=True)) + SIZES[kind]

    def buffer(self, dims, location, offset=0, index=0, **how):
        """A buffer record."""
        words, size = self.desc(dims, **how)
        words += u32(location)
        if location in (INPUT, OUTPUT):
            words += u32(index, size)
        return words + u32(offset)

    def fake(self):
        return self.buffer([1], NONE)

    def weights(self, dims, data, **how):
        """A buffer over constant bytes."""
        return self.buffer(dims, BLOB, self.constant(data), **how)

    def io(self, location, name, dims, **how):
        """Declare an input or output; returns its buffer record."""
        records = self.infos[location]
        words, size = self.desc(dims, **how)
        start = -(-self.sizes[location] // 64) * 64
        raw = name.encode() + b"\0"
        raw = align(raw, 16)
        records.append(u32(len(records), start, len(raw)) + raw + words)
        self.sizes[location] = start + size
        return words + u32(location, len(records) - 1, size, 0)

    def record(self, number, params=b"", buffers=(), shaves=1, counted=False):
        """A stage record."""
        data = (u32(len(buffers)) if counted else b"") + b"".join(buffers)
        rest = u32(number, shaves, 4 + len(params)) + params + data + u32(number, BORDER)
        return u32(4 + len(rest)) + rest

    def stage(self, number, params=b"", buffers=(), **how):
        """Append a stage record to the program."""
        self.stages.append(self.record(number, params, buffers, **how))

    def hw_stage(self, ops, buffers, injected=None):
        """Append a MyriadXHwOp stage; ``ops`` are descriptors as bytes."""
        self.stages.append(self.hw_record(ops, buffers, injected))

    def hw_record(self, ops, buffers, injected=None):
        params = u32(len(ops)) + b"".join(ops)
        params += u32(0) if injected is None else u32(1) + injected
        return self.record(38, params, buffers, shaves=0, counted=True)

    def build(self, trailer=b"", **changes):
        """The file; ``changes`` overwrite words of the header by position (``w9=...``)."""
        inputs, outputs = (align(b"".join(self.infos[k])) for k in (INPUT, OUTPUT))
        stages, constants = align(b"".join(self.stages)), align(bytes(self.constants))
        at = [192, 192 + len(inputs)]
        at += [at[1] + len(outputs), at[1] + len(outputs) + len(stages)]
        numbers = [struct.unpack_from("<I", s, 4)[0] for s in self.stages]
        dma = any(n in (19, 119, 120) for n in numbers)
        words = [9709, at[3] + len(constants), *self.version]
        words += [len(self.infos[INPUT]), len(self.infos[OUTPUT]), len(self.stages)]
        words += [self.sizes[INPUT], self.sizes[OUTPUT], self.batch, self.bss, self.slices]
        words += [self.shaves, 38 in numbers, any(n not in (19, 38, 119, 120) for n in numbers)]
        words += [dma, *at]
        for name, value in changes.items():
            words[int(name[1:])] = value
        head = align(MAGIC + u32(*words))
        return head + inputs + outputs + stages + constants + trailer


def conv_op(buffers=(0, 3, 1, -1, 2), chans=8, kernel=(3, 3), stride=1, relu=None, clamp=None):
    """A hardware convolution's descriptor; ``buffers`` are in, out, coeffs, bias, scale."""
    op = u32(0, 0, 1, 0, *buffers, 0, chans, *kernel, stride)
    op += u32(0) if relu is None else u32(1, *relu)
    op += u32(0) if clamp is None else u32(1) + f32(clamp)
    return op + u32(0, 0)


def small():
    """A complete little program: convert, hardware convolution with an injected copy, sum."""
    a = Assembler()
    source = a.io(INPUT, "image", [6, 5, 4, 1], kind=1)
    target = a.io(OUTPUT, "result", [6, 5, 8, 1])
    half = a.buffer([6, 5, 4, 1], BSS)
    a.stage(111, f32(1, 0) + u32(0, 1), [source, half], shaves=4)
    weights = a.weights([8, 9, 4, 1], bytes(range(256)) * 2 + bytes(64))
    scale = a.weights([8], bytes(16))
    made = a.buffer([6, 5, 8, 1], CMX, 64)
    copy = a.record(19, b"", [half, a.buffer([6, 5, 4, 1], BSS, 512)], shaves=0)
    a.hw_stage([conv_op(relu=(0, 0, 1))], [half, weights, scale, made], copy)
    eltwise = f32(1, 1) + u32(-1) + f32(0, 0, 1)
    a.stage(12, eltwise, [made, target, made, a.fake()], shaves=2)
    return a
