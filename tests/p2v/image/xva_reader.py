"""An independent reader of XVA, written from XAPI's import: it checks what XAPI checks and gives the disks back."""

import hashlib
import tarfile
import xmlrpc.client
from pathlib import Path
from typing import Any

import xxhash


def read_xva(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The records by reference, and each disk's bytes."""
    with tarfile.open(path) as archive:
        members = iter(archive)
        first = next(members)
        assert first.name == "ova.xml"
        records = _records(archive.extractfile(first).read())  # type: ignore[union-attr]
        vdis = sorted((ref, record) for ref, (kind, record) in records.items() if kind == "VDI")
        disks = {ref: bytearray(int(record["virtual_size"])) for ref, record in vdis}
        order, unit, last = [], 0, dict[str, int]()
        for member in members:
            ref, number = member.name.split("/")
            data = archive.extractfile(member).read()  # type: ignore[union-attr]
            check = next(members)
            _verify(member.name, data, check.name, archive.extractfile(check).read().decode())  # type: ignore[union-attr]
            unit = unit or len(data)
            if ref not in order:
                assert int(number) == 0, "the first chunk is mandatory"
                order.append(ref)
            assert int(number) > last.get(ref, -1), "chunks only go forward"
            assert ref == order[-1], "one disk after the other"
            last[ref] = int(number)
            disks[ref][int(number) * unit : int(number) * unit + len(data)] = data
    assert order == [ref for ref, _ in vdis], "XAPI takes the disks in the order of their references"
    assert all((last[ref] + 1) * unit == len(disks[ref]) for ref in disks), "the last chunk is mandatory"
    return records, {ref: bytes(data) for ref, data in disks.items()}


def _records(xml: bytes) -> dict[str, Any]:
    wrapped = b"<methodResponse><params><param>" + xml + b"</param></params></methodResponse>"
    value: Any = xmlrpc.client.loads(wrapped)[0][0]
    assert value["version"]["export_vsn"] == "2"
    return {record["id"]: (record["class"], record["snapshot"]) for record in value["objects"]}


def _verify(name: str, data: bytes, check: str, digest: str) -> None:
    if check == f"{name}.xxhash":
        assert digest == f"{xxhash.xxh64_intdigest(data):016X}"
    else:
        assert (check, digest) == (f"{name}.checksum", hashlib.sha1(data).hexdigest())
