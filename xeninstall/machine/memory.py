"""How much memory the machine has: what is fitted, as far as the running system can tell."""

import warnings

from .look import Look, whole
from .xen import Xen

MIB = 2**20


def memory_bytes(look: Look, xen: Xen | None = None) -> int:
    """Bytes of memory. dom0 sees only its own share, so there Xen answers."""
    if xen is not None and (total := xen.number("total_memory")):
        return total * MIB
    usable = _usable_bytes(look)
    fitted = _fitted_bytes(look)
    # The kernel keeps some for itself before it counts; a crash kernel takes more. Beyond that the blocks mean something else,
    # such as room for memory that can be plugged in later.
    if usable <= fitted <= usable * 5 // 4 + 512 * MIB:
        return fitted
    return usable


def _usable_bytes(look: Look) -> int:
    import psutil  # here, because it takes longer to load than all else in the probe takes to run

    before, psutil.PROCFS_PATH = psutil.PROCFS_PATH, str(look.path("/proc"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of counters that nobody here asks for
            return max(int(psutil.virtual_memory().total), 0)
    except (OSError, KeyError, ValueError, IndexError) as error:
        look.note(f"memory not seen: /proc/meminfo: {error}")
        return 0
    finally:
        psutil.PROCFS_PATH = before


def _fitted_bytes(look: Look) -> int:
    """Memory blocks that are online, which counts what the kernel reserved for itself too."""
    base = "/sys/devices/system/memory"
    try:
        block_bytes = int(look.line(f"{base}/block_size_bytes") or "0", 16)
    except ValueError:
        return 0
    names = look.names(base)
    return block_bytes * sum(1 for name in names if name.startswith("memory") and whole(name[6:]) is not None)
