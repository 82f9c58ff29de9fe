"""`python -m tests.bench.targets`: what is sent to targets beside `scp` and `curl` of the same used bytes, on loopback.

SSH: a disk of which half is in use goes through a real sshd to `p2v receive`, as bytes that nothing compresses and as text; `scp`
copies a file of just the used bytes. Both land on the same disk and are synced. `p2v` logs in, maps, reserves and keeps a journal
besides; with its verification, which reads everything again, in a line of its own, and without.

XAPI: the same used bytes as chunk records, and by `curl` as one PUT, into the stand-in of the tests, which is the same for both.
"""

import argparse
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from p2v.vm.xva import Value
from tests.bench.install import ROOT
from tests.bench.p2v import MIB, P2V, aim, forget, noise
from tests.bench.trees import TreeSample, measure_tree
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.sshd import Sshd, receiver
from tests.p2v.target.xapi_double import Pool

MEMORY_MIB = 300
TEXT = b"".join(b"%09d a line of a log that a machine wrote, like many before it and many after it\n" % n for n in range(12000))


def make(folder: Path, mib: int, kind: str) -> tuple[Path, Path]:
    """A disk of twice that size with that much of it in use, in runs of 4 MiB; and a file of the used bytes alone."""
    disk, used = folder / f"{kind}.disk", folder / f"{kind}.used"
    with disk.open("wb") as whole, used.open("wb") as file:
        whole.truncate(2 * mib * MIB)
        for number in range(mib // 4):
            whole.seek(number * 8 * MIB)
            for out in (whole, file):
                if kind == "noise":
                    noise(out, number, 4 * MIB)
                else:
                    out.write((TEXT * (4 * MIB // len(TEXT) + 1))[: 4 * MIB])
    os.sync()
    return disk, used


def runs(rounds: int, peers: Mapping[str, tuple[Path, Callable[[], list[str]]]]) -> dict[str, list[TreeSample]]:
    """Every peer in turn, several times, so that what else the machine does hits all; each from a disk that nobody read.

    A peer's command is made, and what an earlier one left removed, before its time begins.
    """
    found: dict[str, list[TreeSample]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, (source, command) in peers.items():
            argv = command()
            os.sync()
            forget(source)
            found[name].append(measure_tree(argv))
    return found


def show(title: str, found: dict[str, list[TreeSample]]) -> None:
    """A line each."""
    print(title)
    for name, samples in found.items():
        peak = max(sample.peak_mib for sample in samples)
        each = " ".join(f"{sample.seconds:.2f}" for sample in samples)
        print(f"  {name:<28} {median(samples):7.2f} s   {peak:5.0f} MiB   ({each})")
    sys.stdout.flush()


def median(samples: Sequence[TreeSample]) -> float:
    """Of the seconds."""
    return statistics.median(sample.seconds for sample in samples)


def ssh(folder: Path, mib: int, rounds: int) -> dict[str, dict[str, list[TreeSample]]]:
    """Both kinds of bytes."""
    place = folder / "host"
    ours, plain = Sshd(folder / "ours", receiver(place)), Sshd(folder / "plain", None)
    known = folder / "known"
    public = (plain.folder / "host.pub").read_text().split()
    known.write_text(f"[127.0.0.1]:{plain.port} {public[0]} {public[1]}\n")

    def clean() -> None:
        for kind in ("images", "configs", "state"):
            shutil.rmtree(place / kind, ignore_errors=True)
            if kind != "state":
                (place / kind).mkdir(parents=True)

    def p2v(disk: Path, *more: str) -> list[str]:
        clean()
        send = [*P2V, "convert", str(disk), "--to", ours.to, *ours.options, *more]
        return ["bash", "-ec", '"$@"; sync', "bash", *send]

    def scp(file: Path, *more: str) -> list[str]:
        clean()
        options = ["-q", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes", "-i", str(plain.key), "-P", str(plain.port)]
        return ["bash", "-ec", '"$@"; sync', "bash", "scp", *options, *more, str(file), f"127.0.0.1:{place}/images/scp"]

    found: dict[str, dict[str, list[TreeSample]]] = {}
    try:
        for kind in ("noise", "text"):
            disk, used = make(folder, mib, kind)
            peers = {
                "p2v": (disk, partial(p2v, disk, "--no-verify")),
                "p2v, verified": (disk, partial(p2v, disk)),
                "scp": (used, partial(scp, used)),
                **({"scp -C": (used, partial(scp, used, "-C"))} if kind == "text" else {}),
            }
            found[kind] = runs(rounds, peers)
            clean()
            show(f"SSH, {mib} MiB in use, {kind}", found[kind])
            disk.unlink()
            used.unlink()
    finally:
        ours.stop()
        plain.stop()
    return found


def xapi(folder: Path, mib: int, rounds: int) -> dict[str, list[TreeSample]]:
    """Into the stand-in, in a process of its own."""
    from p2v.target.password import Password
    from p2v.target.tls import Trusted
    from p2v.target.xapi_calls import Calls

    disk, used = make(folder, mib, "noise")
    pool = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.targets", "--pool", str(folder)], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert pool.stdout is not None
        port, fingerprint = pool.stdout.readline().decode().split()
        secret = folder / "secret"
        secret.write_text("correct horse\n")
        options = ["--password", f"file:{secret}", "--fingerprint", fingerprint, "--no-verify"]
        send = [*P2V, "convert", str(disk), "--to", f"xapi://root@127.0.0.1:{port}", *options]
        calls = Calls("127.0.0.1", int(port), "root", Password("correct horse"), Trusted((fingerprint,)))

        def clean() -> None:
            calls.login()
            for ref in calls.call("VDI.get_all"):
                calls.call("VDI.destroy", ref)

        def by_p2v() -> list[str]:
            clean()
            return send

        def by_curl() -> list[str]:
            clean()
            vdi = calls.call("VDI.create", {**_VDI, "virtual_size": str(mib * MIB)})
            query = urlencode({"session_id": calls.session, "vdi": vdi, "format": "raw"})
            return ["curl", "-sSfk", "-T", str(used), f"https://127.0.0.1:{port}/import_raw_vdi?{query}"]

        found = runs(rounds, {"p2v": (disk, by_p2v), "curl": (used, by_curl)})
        show(f"XAPI, {mib} MiB in use, noise", found)
        return found
    finally:
        pool.kill()
        pool.wait()


_VDI: dict[str, Value] = {
    **dict.fromkeys(("name_label", "name_description"), "bench"),
    "SR": "OpaqueRef:sr",
    "type": "user",
    **dict.fromkeys(("sharable", "read_only"), False),
    **{name: {} for name in ("other_config", "xenstore_data", "sm_config")},
    "tags": [],
}


def serve(folder: Path) -> None:
    """The stand-in, for as long as it is let."""
    certificate = Certificate(folder, "pool")
    pool = Pool(certificate, keep_sessions=True)
    # Like a sparse file: what a new disk takes is taken when it is written, by whoever writes, and not when it is made.
    pool.blank = partial(mmap.mmap, -1)
    print(pool.port, certificate.fingerprint, flush=True)
    while True:
        time.sleep(60)


def judge(sent: dict[str, dict[str, list[TreeSample]]], imported: dict[str, list[TreeSample]]) -> None:
    """The aims, one by one."""
    print("aims")
    aim("SSH of scp, noise", median(sent["noise"]["p2v"]) / median(sent["noise"]["scp"]), 1.0)
    aim("SSH of scp, text", median(sent["text"]["p2v"]) / median(sent["text"]["scp"]), 1.0)
    aim("XAPI of curl", median(imported["p2v"]) / median(imported["curl"]), 1.0)
    ours = [sent["noise"]["p2v"], sent["text"]["p2v"], imported["p2v"]]
    aim("memory of all processes here, MiB", max(sample.peak_mib for samples in ours for sample in samples), MEMORY_MIB)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="where disks are made (default build/)")
    parser.add_argument("--mib", type=int, default=1024, help="how much is sent (default 1024); a smoke run takes 64")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run (default 3)")
    parser.add_argument("--pool", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.pool:
        serve(args.pool)
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-targets-") as folder:
        judge(ssh(Path(folder), args.mib, args.rounds), xapi(Path(folder), args.mib, args.rounds))


if __name__ == "__main__":
    main()
