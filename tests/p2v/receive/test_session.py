"""What a hostile sender says to the receiving end: it is refused, or the connection ends; nothing outside its room is touched."""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xxhash
import zstandard

from p2v.receive.session import Host, Session
from p2v.receive.store import Room
from p2v.target.wire import MOST_DATA, MOST_WORDS, PROTOCOL, Coding, Ended, Frame, Kind, Link, WireError, words_of
from p2v.vm.model import Nic, VirtualMachine, to_json
from tests.p2v.disks import MIB
from xeninstall.base.run import Completed, MissingTool, Process


class Commands:
    """Answers commands as they begin; those of Xen and LVM that nobody prepared are not there."""

    def __init__(self, replies: Mapping[str, str] = {}, failing: Sequence[str] = (), *, thin: bool = False) -> None:
        self.replies, self.failing, self.thin = replies, failing, thin
        self.seen: list[list[str]] = []

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.seen.append(list(argv))
        if argv[0] == "xl" or not self.thin:
            raise MissingTool(argv[0])
        line = " ".join(argv)
        status = 5 if any(line.startswith(beginning) for beginning in self.failing) else 0
        said = next((text for beginning, text in self.replies.items() if line.startswith(beginning)), "")
        return Completed(tuple(argv), status, said, "")

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        raise NotImplementedError(argv[0])


class Sender:
    """The other end, by hand."""

    def __init__(self, folder: Path, runner: Commands) -> None:
        for name in ("images", "configs"):
            (folder / name).mkdir(exist_ok=True)
        to_them, from_us = os.pipe()
        to_us, from_them = os.pipe()
        host = Host((folder / "images",), folder / "state", folder / "configs", thin=runner.thin)
        session = Session(host, Link(to_them, from_them, 5), runner)
        self.ended: list[BaseException | None] = []

        def serve() -> None:
            try:
                session.run()
                self.ended.append(None)
            except WireError as error:
                self.ended.append(error)
            finally:
                os.close(from_them)

        self.thread = threading.Thread(target=serve)
        self.thread.start()
        self.writes = from_us
        self.link = Link(to_us, from_us, 5)
        self.link.await_greeting()

    def call(self, do: object, **words: object) -> dict[str, Any]:
        self.link.say(Kind.CALL, {"do": do, **words})
        return self.answer()

    def answer(self) -> dict[str, Any]:
        frame = self.link.receive()
        found = words_of(frame) if frame.kind is not Kind.ACK else {}
        return {**found, "kind": frame.kind}

    def data(self, offset: int, data: bytes, *, disk: int = 0, digest: int | None = None, coding: int = 0) -> Frame:
        told = xxhash.xxh3_64_intdigest(data) if digest is None else digest
        self.link.send(Kind.DATA, data, disk=disk, offset=offset, digest=told, coding=coding)
        return self.link.receive()

    def over(self) -> str:
        """Why the other end gave up; empty when it was content."""
        self.thread.join(10)
        assert not self.thread.is_alive()
        return str(self.ended[0]) if self.ended[0] is not None else ""

    def hang_up(self) -> None:
        os.close(self.writes)
        self.thread.join(10)


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path, Commands())
    yield made
    if made.thread.is_alive():
        made.hang_up()


def reserve(sender: Sender, name: str = "vm", size: int = 4 * MIB, **words: object) -> dict[str, Any]:
    return sender.call("reserve", name=name, storage="images", disks=[{"size": size, "used": size}], **words)


def test_it_takes_what_is_right(sender: Sender, tmp_path: Path) -> None:
    hello = sender.call("hello", protocol=PROTOCOL)
    assert hello["zstd"] is True and hello["modes"] == []
    assert [row["name"] for row in sender.call("storages")["storages"]] == ["images"]
    assert reserve(sender)["places"] == [f"{tmp_path}/images/vm-disk0.img"]
    assert sender.data(MIB, b"abc" * 1000).kind is Kind.ACK
    packed = zstandard.compress(b"packed" * 1000)
    digest = xxhash.xxh3_64_intdigest(b"packed" * 1000)
    assert sender.data(2 * MIB, packed, digest=digest, coding=Coding.ZSTD).kind is Kind.ACK
    told = sender.call("digests", disk=0, parts=[[MIB, 3000]])
    assert told["digests"] == [xxhash.xxh3_128_hexdigest(b"abc" * 1000)]
    assert sender.call("define", machine=to_json(VirtualMachine("vm")), mode="pv")["config"] == f"{tmp_path}/configs/vm.cfg"
    assert sender.call("finish")["kind"] is Kind.ANSWER
    data = (tmp_path / "images" / "vm-disk0.img").read_bytes()
    assert len(data) == 4 * MIB and data[MIB : MIB + 3] == b"abc" and data[2 * MIB : 2 * MIB + 6] == b"packed"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b", "..", "/", "x\0y", "\n", "-rf", "", "é", "a" * 5000])
def test_no_name_leads_out_of_its_folder(sender: Sender, tmp_path: Path, name: str) -> None:
    before = {path for path in tmp_path.rglob("*")}
    told = reserve(sender, name)
    made = {path for path in tmp_path.rglob("*")} - before
    assert told["kind"] in (Kind.ANSWER, Kind.REFUSAL)
    for path in made - {tmp_path / "state"}:
        assert path.parent in (tmp_path / "images", tmp_path / "state") or path.parent.parent == tmp_path / "state"
    assert {path.name for path in tmp_path.iterdir()} <= {"images", "configs", "state"}


@pytest.mark.parametrize(
    "disks",
    [
        [],
        [{"size": 0, "used": 0}],
        [{"size": 1 << 60, "used": 0}],
        [{"size": MIB, "used": 2 * MIB}],
        [{"size": MIB, "used": -1}],
        [{"size": MIB, "used": 0}] * 65,
    ],
)
def test_disks_that_nobody_has_are_refused(sender: Sender, tmp_path: Path, disks: list[dict[str, int]]) -> None:
    told = sender.call("reserve", name="vm", storage="images", disks=disks)
    assert told["kind"] is Kind.REFUSAL and "are not a machine's" in told["message"]
    assert not list((tmp_path / "images").iterdir())


def test_more_than_there_is_room_for_is_refused(sender: Sender, tmp_path: Path) -> None:
    told = reserve(sender, size=1 << 49)
    assert told["kind"] is Kind.REFUSAL and "are to come" in told["message"]
    assert not list((tmp_path / "images").iterdir()) and not (tmp_path / "state" / "vm").exists()


def test_what_was_reserved_for_one_is_not_given_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100 * MIB, 0, 10 * MIB))
    first, second = Sender(tmp_path, Commands()), Sender(tmp_path, Commands())
    assert reserve(first, "one", 6 * MIB)["kind"] is Kind.ANSWER
    told = reserve(second, "two", 6 * MIB)
    assert told["kind"] is Kind.REFUSAL and "are reserved for others" in told["message"]
    assert first.call("abort")["kind"] is Kind.ANSWER
    assert reserve(second, "two", 6 * MIB)["kind"] is Kind.ANSWER
    first.hang_up()
    second.hang_up()


def test_of_two_that_reserve_at_the_same_time_one_gets_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from p2v.receive import incoming, session, store

    room, both = store.rooms, threading.Barrier(2)

    def looked(*folders: Any, **options: Any) -> list[Room]:
        found = [replace(one, free_bytes=10 * MIB) for one in room(*folders, **options)]
        with suppress(threading.BrokenBarrierError):
            both.wait(1)  # the other one, if it looks now, too
        return found

    monkeypatch.setattr(session, "rooms", looked)
    senders = [Sender(tmp_path, Commands()) for _ in range(2)]
    for number, sender in enumerate(senders):
        disks = [{"size": 6 * MIB, "used": 6 * MIB}]
        sender.link.say(Kind.CALL, {"do": "reserve", "name": f"vm{number}", "storage": "images", "disks": disks})
    told = [sender.answer() for sender in senders]
    assert sorted(one["kind"] for one in told) == sorted([Kind.ANSWER, Kind.REFUSAL])
    assert len(incoming.all_incoming(tmp_path / "state")) == 1
    for sender in senders:
        sender.hang_up()


def test_a_state_that_cannot_be_kept_is_said(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    assert "/state cannot be made" in reserve(sender)["message"]


def test_data_stays_within_its_disk(sender: Sender, tmp_path: Path) -> None:
    reserve(sender)
    for offset in (4 * MIB, 4 * MIB - 1, 1 << 62, (1 << 64) - 1):
        frame = sender.data(offset, b"xx")
        assert frame.kind is Kind.REFUSAL and "lies behind the end" in words_of(frame)["message"]
    assert (tmp_path / "images" / ".vm-disk0.img.partial").stat().st_size == 4 * MIB


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda sender: sender.data(0, b"x", digest=1), "data arrived damaged"),
        (lambda sender: sender.data(0, b"x", disk=7), "there is no such disk"),
        (lambda sender: sender.data(0, b"x", coding=9), "in a coding that was not agreed on"),
        (lambda sender: sender.data(0, b"nonsense", coding=Coding.ZSTD), "cannot be decompressed"),
        (lambda sender: sender.data(0, zstandard.compress(bytes(MOST_DATA * 8)), coding=Coding.ZSTD), "becomes too long"),
        (lambda sender: sender.call("digests", disk=0, parts=[[0, MOST_DATA + 1]]), "too much was asked for at once"),
        (lambda sender: sender.call("digests", disk=0, parts=[[0, MOST_DATA]] * 17), "too much was asked for at once"),
        (lambda sender: sender.call("digests", disk=0, parts=[["a", {}]]), "a call is malformed (ValueError)"),
        (lambda sender: sender.call("digests", disk=[]), "a call is malformed"),
        (lambda sender: sender.call("journal-line", disk=0, line="x" * (MOST_WORDS - 1000) * 1, last=True), ""),
        (lambda sender: sender.call("reserve"), "a call is malformed (KeyError)"),
        (lambda sender: os.write(sender.writes, b"\xff" * 24) and sender.answer(), "frame of the unknown kind 255"),
        (
            lambda sender: os.write(sender.writes, b"\x04\0\0\0\xff\xff\xff\xff" + bytes(16)) and sender.answer(),
            "a frame of 4294967295 bytes",
        ),
        (
            lambda sender: sender.link.send(Kind.CALL, b"[1]", digest=xxhash.xxh3_64_intdigest(b"[1]")) or sender.answer(),
            "not a JSON object",
        ),
        (lambda sender: sender.link.send(Kind.CALL, b"{}", digest=3) or sender.answer(), "a message arrived damaged"),
        (lambda sender: sender.link.send(Kind.ACK) or sender.answer(), "a frame of the kind ACK is not for us"),
    ],
)
def test_who_breaks_the_rules_is_hung_up_on(sender: Sender, make: Any, why: str) -> None:
    reserve(sender)
    if not why:
        make(sender)
        return
    with pytest.raises(Ended):
        make(sender)
    assert why in sender.over()


def test_a_call_that_nobody_knows_is_answered(sender: Sender) -> None:
    for do in ("rm -rf", None, 7, ["hello"]):
        assert sender.call(do)["message"] == "that is not understood here"
    assert "another protocol" in sender.call("hello", protocol=99)["message"]


def test_data_before_a_reservation_ends_it(sender: Sender) -> None:
    with pytest.raises(Ended):
        sender.data(0, b"x")
    assert "nothing was reserved yet" in sender.over()


def test_a_token_is_needed_to_join(tmp_path: Path, sender: Sender) -> None:
    token = reserve(sender)["token"]
    other = Sender(tmp_path, Commands())
    assert "is not known here any more" in other.call("attach", name="vm", token="guess")["message"]
    assert other.call("attach", name="vm", token=token)["kind"] is Kind.ANSWER
    assert other.data(0, b"x").kind is Kind.ACK
    other.hang_up()


@pytest.mark.parametrize(
    "described",
    [
        "nonsense",
        "[]",
        "{}",
        json.dumps({"disks": [], "nics": []}),
        to_json(VirtualMachine("vm", nics=(Nic("52:54:00:00:00:01', script='/bin/sh"),))),
        to_json(VirtualMachine("vm", nics=(Nic("52:54:00:00:00:01", "xenbr0,script=/tmp/x"),))),
        to_json(VirtualMachine("vm", memory_bytes=1)),
        to_json(VirtualMachine("vm")).replace('"cores": 2', '"cores": "9999999999999"'),
        to_json(VirtualMachine("vm")).replace('"nics": []', '"nics": [{"mac": 5}]'),
        "[" * 100000,
    ],
)
def test_a_description_that_is_none_is_refused(sender: Sender, tmp_path: Path, described: str) -> None:
    reserve(sender)
    assert sender.call("define", machine=described, mode="hvm")["kind"] is Kind.REFUSAL
    assert not list((tmp_path / "configs").iterdir())


def test_a_comment_stays_a_comment_and_disks_are_our_own(sender: Sender, tmp_path: Path) -> None:
    from p2v.vm.model import DiskImage

    vm = VirtualMachine(
        "other", disks=(DiskImage("/dev/sda"),), origin="x\nkernel = '/etc/shadow'", remarks=("y\r\nbuilder='z'",), uuid='u"\nv'
    )
    reserve(sender)
    sender.call("define", machine=to_json(vm), mode="hvm")
    text = (tmp_path / "configs" / "vm.cfg").read_text()
    assert "/dev/sda" not in text and 'name = "vm"' in text
    keys = {line.split(" = ")[0] for line in text.splitlines() if " = " in line and not line.startswith(("#", " "))}
    assert not keys & {"kernel", "builder"}
    assert "target=" + str(tmp_path / "images" / "vm-disk0.img") in text


def test_a_definition_is_removed_with_its_machine_by_another_connection(sender: Sender, tmp_path: Path) -> None:
    token, config = reserve(sender)["token"], tmp_path / "configs" / "vm.cfg"
    sender.call("define", machine=to_json(VirtualMachine("vm")), mode="hvm")
    sender.hang_up()
    other = Sender(tmp_path, Commands())
    other.call("attach", name="vm", token=token)
    assert config.exists() and other.call("abort")["kind"] is Kind.ANSWER and not config.exists()
    assert reserve(other)["kind"] is Kind.ANSWER
    config.write_text("another's")
    told = other.call("define", machine=to_json(VirtualMachine("vm")), mode="hvm")
    assert told["kind"] is Kind.REFUSAL and "there is a machine vm already" in told["message"]
    assert other.call("abort")["kind"] is Kind.ANSWER and config.read_text() == "another's"
    other.hang_up()


def test_what_is_whole_is_not_removed(sender: Sender, tmp_path: Path) -> None:
    reserve(sender)
    assert "nothing was defined yet" in sender.call("start")["message"]
    sender.call("define", machine=to_json(VirtualMachine("vm")), mode="hvm")
    assert "it has no program xl" in sender.call("start")["message"]
    told = sender.call("abort")
    assert told["kind"] is Kind.REFUSAL and "vm is whole, and stays" in told["message"]
    assert (tmp_path / "images" / "vm-disk0.img").exists() and (tmp_path / "configs" / "vm.cfg").exists()
    assert sender.call("finish")["kind"] is Kind.ANSWER and not list((tmp_path / "state").iterdir())


def test_a_journal_does_not_fill_the_host(sender: Sender, tmp_path: Path) -> None:
    reserve(sender)
    (tmp_path / "state" / "vm" / "0.journal").write_bytes(bytes(1))
    os.truncate(tmp_path / "state" / "vm" / "0.journal", 64 * MIB + 1024)
    with pytest.raises(Ended):
        sender.call("journal-line", disk=0, line="x", last=True)
    assert "a journal became too long" in sender.over()


def test_thin_volumes_are_made_and_removed_by_lvm(tmp_path: Path) -> None:
    """As recorded commands: the kernel of the tests' machine may have no device-mapper."""
    pools = {
        "report": [
            {
                "lv": [
                    {
                        "vg_name": "xenvms",
                        "lv_name": "vms",
                        "lv_attr": "twi-aotz--",
                        "lv_size": "1073741824",
                        "data_percent": "25.00",
                    }
                ]
            }
        ]
    }
    runner = Commands({"lvs --reportformat": json.dumps(pools)}, failing=("lvs xenvms/vm-disk0",), thin=True)
    sender = Sender(tmp_path, runner)
    rooms = sender.call("storages")["storages"]
    assert rooms[0] == {"name": "xenvms/vms", "kind": "thin", "free": 805306368, "size": 1073741824}
    told = sender.call("reserve", name="vm", storage="xenvms/vms", disks=[{"size": 3 * MIB + 512, "used": MIB}])
    assert told["places"] == ["/dev/xenvms/vm-disk0"]
    made = next(argv for argv in runner.seen if argv[0] == "lvcreate")
    assert made[-7:] == ["--virtualsize", f"{3 * MIB + 512}b", "--thinpool", "xenvms/vms", "--name", "vm-disk0", "xenvms"]
    runner.failing = ()
    assert sender.call("abort")["kind"] is Kind.ANSWER
    assert ["lvremove", "--yes", "xenvms/vm-disk0"] in runner.seen
    sender.hang_up()
