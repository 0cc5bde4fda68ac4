"""Everything oakwright changes in the engine's memory, and why; nothing on disk is touched.

The 2021.4 MYRIAD plugin is a driver as much as a compiler: before it compiles it looks for a USB
stick for five seconds, under a lock that all users of the machine share, and would open a camera
if it found one. None of that has any influence on the bytes of a blob
(``bench/compile_identity.py`` shows it), so the compile child takes it away:

``blind``
    loads an empty stand-in for libusb before the plugin asks for the real one. Always done: a
    compiler has no business with the cameras that are plugged in.
``skip_device_wait``
    the wait loop reads ``clock_gettime`` until five seconds have passed; in this plugin nothing
    else calls it. It gets a clock that gains ten seconds per reading. ``flock`` and ``open``
    (the machine-wide ``/tmp/mvnc.mutex``, which a second user cannot even open) and ``opendir``
    (the search for PCIe cards) answer without doing anything.
``record_throws``
    the C API answers -1 to every failure and drops the reason. Each C++ exception passes through
    ``__cxa_throw``; a short detour there reads its ``what()`` and then goes on as before.

How: a shared library calls foreign functions through a table of addresses (its GOT), which the
dynamic linker fills from the relocations DT_JMPREL (System V ABI, AMD64 supplement, 5.2). We find
the slot of one name in one library and write another address into it. Other libraries of the
process, Python included, keep the real functions.

x86-64 Linux with glibc only, as the engine is. Whatever does not hold raises ``PatchImpossible``
with the reason; the caller decides, and says so.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct

TYPE_CHECKING = False  # known to type checkers; the child does without these imports
if TYPE_CHECKING:
    from collections.abc import Callable

# Dynamic section tags (ELF gABI, figure 5-10).
DT_NULL, DT_PLTRELSZ, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_JMPREL = 0, 2, 5, 6, 10, 23
R_X86_64_JUMP_SLOT = 7
RTLD_DI_LINKMAP = 2
PAGE = 4096

# What libmyriadPlugin.so of 2021.4 takes from libusb.
LIBUSB_NAMES = tuple(
    "libusb_" + name
    for name in [
        "init",
        "exit",
        "get_device_list",
        "free_device_list",
        "get_device_descriptor",
        "get_bus_number",
        "get_port_numbers",
        "ref_device",
        "unref_device",
        "open",
        "close",
        "set_configuration",
        "claim_interface",
        "release_interface",
        "detach_kernel_driver",
        "get_config_descriptor",
        "free_config_descriptor",
        "bulk_transfer",
        "strerror",
    ]
)


class PatchImpossible(Exception):
    """A change in memory cannot be made here; the text says why."""


libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_kept: list[object] = []  # code, counters and callbacks live as long as the process


# --- finding and writing a slot ------------------------------------------------------------------


def _read(address: int, size: int) -> bytes:
    return ctypes.string_at(address, size)


def _dynamic_section(library: ctypes.CDLL) -> tuple[int, dict[int, int]]:
    """Load address of a library and its dynamic section as {tag: value}."""
    link_map = ctypes.c_void_p()
    dlinfo = libc.dlinfo
    dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    if dlinfo(library._handle, RTLD_DI_LINKMAP, ctypes.byref(link_map)) or not link_map.value:
        raise PatchImpossible("the dynamic linker does not say where the library lies")
    # struct link_map { l_addr; l_name; l_ld; ... }
    base, _, section = struct.unpack("<3Q", _read(link_map.value, 24))
    tags: dict[int, int] = {}
    while True:
        tag, value = struct.unpack("<qQ", _read(section, 16))
        if tag == DT_NULL:
            return base, tags
        tags[tag] = value
        section += 16


def slots(library: ctypes.CDLL, symbol: str) -> list[int]:
    """Addresses of the slots through which ``library`` calls ``symbol``."""
    base, tags = _dynamic_section(library)
    try:
        relocations, size = tags[DT_JMPREL], tags[DT_PLTRELSZ]
        symbols, strings, strings_size = tags[DT_SYMTAB], tags[DT_STRTAB], tags[DT_STRSZ]
    except KeyError as error:
        raise PatchImpossible(f"no dynamic entry {error}") from None
    # glibc stores absolute addresses here after loading; others leave offsets.
    relocations, symbols, strings = (
        address if address >= base else base + address
        for address in (relocations, symbols, strings)
    )
    # Where the name stands among the strings; a linker may have made it the tail of another.
    names, wanted = _read(strings, strings_size), symbol.encode() + b"\0"
    places, at = set(), names.find(wanted)
    while at >= 0:
        places.add(at)
        at = names.find(wanted, at + 1)
    entries = [
        (base + offset, info >> 32)
        for offset, info, _addend in struct.iter_unpack("<QQq", _read(relocations, size))
        if info & 0xFFFFFFFF == R_X86_64_JUMP_SLOT
    ]
    # A symbol is 24 bytes and starts with the place of its name.
    last = max((index for _, index in entries), default=-1)
    table = _read(symbols, 24 * (last + 1))
    name_of = [name for (name,) in struct.iter_unpack("<I20x", table)]
    return [slot for slot, index in entries if name_of[index] in places]


def redirect(library: ctypes.CDLL, symbol: str, target: int) -> None:
    """Let ``library`` (and it alone) call ``target`` where it calls ``symbol``."""
    places = slots(library, symbol)
    if not places:
        raise PatchImpossible(f"the library does not call {symbol} through a table")
    for slot in places:
        # The linker has made the table read-only (full RELRO). It stays writable afterwards: in
        # a lazily bound library the linker itself must still write there.
        if libc.mprotect(slot & -PAGE, PAGE, mmap.PROT_READ | mmap.PROT_WRITE):
            raise PatchImpossible(f"mprotect: {os.strerror(ctypes.get_errno())}")
        ctypes.c_uint64.from_address(slot).value = target


def _executable(code: bytes) -> int:
    """Put machine code into a page of its own, written first and executable afterwards."""
    try:
        page = mmap.mmap(-1, PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError as error:
        raise PatchImpossible(f"mmap: {error}") from None
    page.write(code)
    view = ctypes.c_char.from_buffer(page)
    _kept.extend((page, view))
    address = ctypes.addressof(view)
    if libc.mprotect(address, PAGE, mmap.PROT_READ | mmap.PROT_EXEC):
        # A hardened kernel (SELinux execmem) says no.
        raise PatchImpossible(f"no executable memory: {os.strerror(ctypes.get_errno())}")
    return address


# --- no devices ----------------------------------------------------------------------------------


def empty_library(soname: str, names: tuple[str, ...]) -> bytes:
    """An ELF shared library whose functions all return 0.

    Two segments: headers, symbols and code (read, execute), and the dynamic section alone
    (read, write: glibc notes addresses in it).
    """
    strings = b"\0" + b"".join(n.encode() + b"\0" for n in (soname, *names))
    position = {n: strings.index(b"\0" + n.encode() + b"\0") + 1 for n in (soname, *names)}
    count = len(names) + 1
    # One hash bucket: a chain through all symbols (gABI, "Hash Table").
    hash_table = struct.pack(
        f"<{3 + count}I", 1, count, 1, 0, *(i + 1 for i in range(1, count - 1)), 0
    )
    headers = 64 + 3 * 56
    symbols_at = headers
    hash_at = symbols_at + 24 * count
    strings_at = hash_at + len(hash_table) + (-len(hash_table)) % 8
    code_at = strings_at + len(strings) + (-len(strings)) % 16
    code = b"\x31\xc0\xc3"  # xor eax, eax; ret
    # The plugin walks the device list to its NULL although it was told of 0 devices: so the one
    # function that gives a list gives an empty one (list is the second argument, rsi).
    list_at = code_at + len(code)
    give_list = b"\x48\x8d\x05\x06\x00\x00\x00"  # lea rax, [rip+6]: the zeros behind the code
    give_list += b"\x48\x89\x06" + code + bytes(8)  # mov [rsi], rax; xor eax, eax; ret; NULL
    text_size = list_at + len(give_list)
    dynamic_at = text_size + (-text_size) % PAGE

    symbols = bytes(24) + b"".join(
        # global function in section 1 (any that is not "undefined")
        struct.pack(
            "<IBBHQQ",
            position[n],
            0x12,
            0,
            1,
            list_at if n == "libusb_get_device_list" else code_at,
            len(code),
        )
        for n in names
    )
    dynamic = b"".join(
        struct.pack("<qQ", tag, value)
        for tag, value in (
            (14, position[soname]),  # DT_SONAME
            (4, hash_at),  # DT_HASH
            (DT_STRTAB, strings_at),
            (DT_SYMTAB, symbols_at),
            (DT_STRSZ, len(strings)),
            (11, 24),  # DT_SYMENT
            (DT_NULL, 0),
        )
    )
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    read_execute, read_write = 5, 6

    def segment(kind: int, flags: int, at: int, size: int, align: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, align)

    text = (
        header
        + segment(1, read_execute, 0, text_size, PAGE)
        + segment(1, read_write, dynamic_at, len(dynamic), PAGE)
        + segment(2, read_write, dynamic_at, len(dynamic), 8)
        + symbols
        + hash_table.ljust(strings_at - hash_at, b"\0")
        + strings.ljust(code_at - strings_at, b"\0")
        + code
        + give_list
    )
    return text.ljust(dynamic_at, b"\0") + dynamic


def blind(descriptor: int) -> None:
    """Load the stand-in for libusb, by way of an empty file that is open as ``descriptor``.

    The dynamic linker knows libraries by SONAME: with this one loaded it never looks for the
    system's, which therefore need not be installed either.
    """
    os.write(descriptor, empty_library("libusb-1.0.so.0", LIBUSB_NAMES))
    _kept.append(ctypes.CDLL(f"/proc/self/fd/{descriptor}", mode=ctypes.RTLD_GLOBAL))


# --- no wait -------------------------------------------------------------------------------------


def skip_device_wait(plugin: ctypes.CDLL) -> None:
    """Let the five seconds of ``ncDeviceOpen`` pass at once, and leave the shared lock alone."""
    seconds = ctypes.c_uint64(0)
    _kept.append(seconds)
    clock = (
        b"\x48\xb9"
        + struct.pack("<Q", ctypes.addressof(seconds))  # mov rcx, &seconds
        + b"\xb8\x0a\x00\x00\x00"  # mov eax, 10
        b"\xf0\x48\x0f\xc1\x01"  # lock xadd [rcx], rax     (several threads may ask)
        b"\x48\x89\x06"  # mov [rsi], rax          timespec.tv_sec
        b"\x48\xc7\x46\x08\x00\x00\x00\x00"  # mov qword [rsi+8], 0    timespec.tv_nsec
        b"\x31\xc0\xc3"  # xor eax, eax; ret
    )
    zero = b"\x31\xc0\xc3"  # xor eax, eax; ret
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    null_file = b"\xb8" + struct.pack("<i", nothing) + b"\xc3"  # mov eax, nothing; ret
    # All slots are looked up before the first is written: all or nothing.
    targets = {"clock_gettime": clock, "flock": zero, "opendir": zero, "open": null_file}
    for symbol in targets:
        if not slots(plugin, symbol):
            raise PatchImpossible(f"the plugin does not call {symbol} through a table")
    ready = {symbol: _executable(code) for symbol, code in targets.items()}
    for symbol, address in ready.items():
        redirect(plugin, symbol, address)


# --- the engine's own words ----------------------------------------------------------------------

_Thrown = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_What = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)


def _pointer(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


def _type_name(type_info: int) -> str:
    # std::type_info { vtable; const char* name }; a leading '*' marks a name not to be compared
    return ctypes.string_at(_pointer(type_info + 8)).decode("ascii", "replace").lstrip("*")


def _is_exception(type_info: int) -> bool:
    """Does an object of this type start with a std::exception? (Itanium C++ ABI, 2.9.5)."""
    for _ in range(32):  # no class is derived that often; a bound all the same
        if _type_name(type_info) == "St9exception":
            return True
        # The type of the type_info itself stands before the first entry of its vtable.
        kind = _type_name(_pointer(_pointer(type_info) - 8))
        if kind.endswith("20__si_class_type_infoE"):
            type_info = _pointer(type_info + 16)  # the single base, at offset 0
        elif kind.endswith("21__vmi_class_type_infoE"):
            base, flags = _pointer(type_info + 24), _pointer(type_info + 32)
            if flags >> 8 or flags & 1:  # first base not at offset 0, or virtual
                return False
            type_info = base
        else:
            return False
    return False


def record_throws(libraries: list[ctypes.CDLL], record: Callable[[str, str], None]) -> None:
    """Call ``record(type name, what())`` for each C++ exception thrown in ``libraries``."""

    def thrown(exception: int, type_info: int, _destructor: int) -> None:
        try:
            name, text = _type_name(type_info), ""
            if _is_exception(type_info):
                what = _pointer(_pointer(exception) + 16)  # vtable: two destructors, then what()
                text = (_What(what)(exception) or b"").decode("utf-8", "replace")
            record(name, text)
        except Exception as error:  # an error here must never disturb the engine's own
            record("oakwright", f"exception text not readable: {error}")

    callback = _Thrown(thrown)
    _kept.append(callback)
    code = (
        b"\x57\x56\x52"  # push rdi; push rsi; push rdx   (also aligns the stack to 16)
        b"\x48\xb8"
        + struct.pack("<Q", ctypes.cast(callback, ctypes.c_void_p).value or 0)  # mov rax, callback
        + b"\xff\xd0"  # call rax
        b"\x5a\x5e\x5f"  # pop rdx; pop rsi; pop rdi
        b"\x48\xb8"
        + struct.pack("<Q", _real_throw())  # mov rax, __cxa_throw
        + b"\xff\xe0"  # jmp rax
    )
    detour = _executable(code)
    for library in libraries:
        redirect(library, "__cxa_throw", detour)


def _real_throw() -> int:
    library = ctypes.CDLL("libstdc++.so.6")
    return ctypes.cast(library.__cxa_throw, ctypes.c_void_p).value or 0
