"""The processors: model, vendor, how many, and the verdict on virtualization."""

from .look import Look, clean
from .model import Cpu
from .virtualization import judge
from .xen import Xen


def cpu(look: Look, xen: Xen | None = None) -> Cpu:
    """The CPU from /proc/cpuinfo; in dom0, which sees only its own share, the counts come from Xen."""
    text = look.text("/proc/cpuinfo", noted="CPU")
    processors = [_fields(block) for block in (text or "").strip().split("\n\n") if block.strip()]
    first = processors[0] if processors else {}
    flags = frozenset(first["flags"].split()) if "flags" in first else None
    vendor = clean(first.get("vendor_id", ""))
    threads = sum("processor" in one for one in processors) or 1
    sockets = len({one.get("physical id", "0") for one in processors}) or 1
    cores = len({(one.get("physical id", "0"), one.get("core id", one.get("processor"))) for one in processors}) or 1
    if xen is not None and (all_threads := xen.number("nr_cpus")):
        threads = all_threads
        cores = max(threads // (xen.number("threads_per_core") or 1), 1)
        sockets = max(cores // (xen.number("cores_per_socket") or cores), 1)
    return Cpu(
        model=clean(first.get("model name", "")) or "unknown",
        vendor=vendor or "unknown",
        sockets=sockets,
        cores=cores,
        threads=threads,
        virtualization=judge(look, flags, vendor, xen),
    )


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}
