"""Raw CPUID and the lock registers: what the CPU itself says, below what the kernel lets through.

py-cpuinfo runs machine code that it makes itself; it may crash where a kernel forbids that, so it runs in a child process.
Its `get_cpu_info()` takes more than a second, most of it to measure the clock; the flags alone take a few hundredths.
"""

import importlib.util
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from .look import Look, clean

CPUID_SECONDS = 5.0
# os._exit: the generated code may leave registers behind that the interpreter's own shutdown would trip over.
_CHILD = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); from cpuinfo.cpuinfo import CPUID; cpu = CPUID(); "
    "print(*cpu.get_flags(cpu.get_max_extension_support()), flush=True); os._exit(0)"
)
# Intel SDM volume 4, IA32_FEATURE_CONTROL: bit 0 locks, bit 2 allows VMX outside SMX.
_FEATURE_CONTROL, _LOCKED, _VMX_ALLOWED = 0x3A, 1 << 0, 1 << 2
# AMD APM volume 2, VM_CR: bit 4 (SVMDIS) forbids SVM.
_VM_CR, _SVM_DISABLED = 0xC0010114, 1 << 4


@dataclass(frozen=True)
class Raw:
    """The CPU's own flags and who told them."""

    flags: frozenset[str]
    source: str


def raw_flags(look: Look) -> Raw | str:
    """Flags as CPUID itself gives them, or why nobody could say."""
    return told if isinstance(told := _by_cpuinfo(look), Raw) else _by_device(look) or told


def _by_cpuinfo(look: Look) -> Raw | str:
    spec = importlib.util.find_spec("cpuinfo")
    if spec is None or not spec.submodule_search_locations:
        return "py-cpuinfo is not installed"
    place = str(Path(spec.submodule_search_locations[0]).parent)
    done = look.attempt([sys.executable or "python3", "-I", "-S", "-c", _CHILD, place], CPUID_SECONDS)
    if isinstance(done, str):
        return f"py-cpuinfo: {done}"
    flags = frozenset(done.stdout.split())
    # Every x86-64 CPU has these; without them the answer is no answer.
    if done.status != 0 or not {"fpu", "msr"} <= flags:
        said = clean(done.stderr.strip().rpartition("\n")[2], 120)
        ended = f"killed by signal {-done.status}" if done.status < 0 else f"status {done.status}"
        return f"py-cpuinfo: gave no flags, {ended}" + (f": {said}" if said else "")
    return Raw(flags, "py-cpuinfo (raw CPUID)")


def _by_device(look: Look) -> Raw | None:
    basic, extended = (_pread(look, "/dev/cpu/0/cpuid", leaf, 16) for leaf in (1, 0x80000001))
    if basic is None or extended is None:
        return None
    ecx, extended_ecx = struct.unpack("<4I", basic)[2], struct.unpack("<4I", extended)[2]
    bits = {"vmx": ecx >> 5 & 1, "hypervisor": ecx >> 31 & 1, "svm": extended_ecx >> 2 & 1}
    return Raw(frozenset(name for name, bit in bits.items() if bit), "/dev/cpu/0/cpuid")


def forbidden_by_firmware(look: Look, flag: str) -> tuple[bool, str] | None:
    """Does the lock register forbid `vmx` or `svm`? With the words to show, or None where it cannot be read."""
    register = _FEATURE_CONTROL if flag == "vmx" else _VM_CR
    data = _pread(look, "/dev/cpu/0/msr", register, 8)
    if data is None:
        return None
    value = int.from_bytes(data, "little")
    if flag == "vmx":
        # An unlocked register is no obstacle: Xen sets and locks it itself.
        forbidden = bool(value & _LOCKED) and not value & _VMX_ALLOWED
        name = "IA32_FEATURE_CONTROL"
    else:
        forbidden, name = bool(value & _SVM_DISABLED), "VM_CR"
    return forbidden, f"MSR 0x{register:X} ({name}) = 0x{value:X}: {flag.upper()} is {'forbidden' if forbidden else 'allowed'}"


def _pread(look: Look, path: str, offset: int, size: int) -> bytes | None:
    try:
        descriptor = os.open(look.path(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        data = os.pread(descriptor, size, offset)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if len(data) == size else None
