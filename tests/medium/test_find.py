"""Answer files from where they can come: in order, whole, and with words for each way in which they can be missing."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.given import LEAST, Recorder
from tests.servers import Answer, authority, certified, fingerprint, serving
from xeninstall.answers.load import load
from xeninstall.base.errors import Error
from xeninstall.base.http import HttpError
from xeninstall.base.run import Completed, Process, Runner, SystemRunner
from xeninstall.medium import retry
from xeninstall.medium.find import find
from xeninstall.medium.sources.ask import Ask
from xeninstall.medium.words import parse

_BODY = LEAST.encode()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_PAUSE_MAXIMUM_SECONDS", 0.01)


class Asking:
    """An Ask with what was said while it was followed up."""

    def __init__(self, tmp_path: Path, line: str, runner: Runner | None = None) -> None:
        self.said: list[str] = []
        self.ask = Ask(
            words=parse(line),
            runner=runner or Recorder(lambda argv: Completed(argv, 2, "", "")),
            tell=self.said.append,
            profile=lambda: '{"profile": 1}',
            place=tmp_path / "place",
            medium=tmp_path / "medium",
        )


def test_nobody_has_answers(tmp_path: Path) -> None:
    assert find(Asking(tmp_path, "quiet").ask) is None


def test_the_command_line_comes_before_the_medium_and_the_medium_before_a_server(tmp_path: Path) -> None:
    built_in, file = tmp_path / "medium/xeninstall/answers.toml", tmp_path / "mine.toml"
    built_in.parent.mkdir(parents=True)
    built_in.write_bytes(_BODY)
    file.write_bytes(_BODY)
    with serving(Answer(body=_BODY)) as server:
        line = f"xeninstall.post={server.url()}"
        for found, origin in (
            (find(Asking(tmp_path, f"{line} xeninstall.answers={file}").ask), str(file)),
            (find(Asking(tmp_path, line).ask), "the medium's xeninstall/answers.toml"),
        ):
            assert found is not None and found.origin == origin
        assert not server.asked
        built_in.unlink()
        found = find(Asking(tmp_path, line).ask)
        assert found is not None and found.origin == server.url() and load(found.path)
    assert [(asked.method, json.loads(asked.body)) for asked in server.asked] == [("POST", {"profile": 1})]


def test_what_a_server_gives_is_kept_for_root_alone(tmp_path: Path) -> None:
    with serving(Answer(body=_BODY)) as server:
        asking = Asking(tmp_path, f"xeninstall.answers={server.url('/a?token=MARKER', 'u:MARKER@')}")
        found = find(asking.ask)
    assert found is not None and found.path.read_bytes() == _BODY
    assert found.path.stat().st_mode & 0o777 == 0o600 and found.path.parent.stat().st_mode & 0o777 == 0o700
    assert "MARKER" not in "".join(asking.said) + found.origin


def test_a_post_server_that_fails_twice_then_answers(tmp_path: Path) -> None:
    with serving(Answer(503), Answer(hang=False, raw=b"\r\n", status=200), Answer(body=_BODY)) as server:
        server.script[1] = Answer(500)
        asking = Asking(tmp_path, f"xeninstall.post={server.url()}")
        assert find(asking.ask) is not None
    assert len(server.asked) == 3
    assert [said.split(":")[0] for said in asking.said[1:]] == ["waiting for the server"] * 2
    assert "failed (status 503); next try in 1 s, giving up in 10 min" in asking.said[1]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(body=b"<!DOCTYPE html><html>log in</html>"), "gives a web page, not an answer file"),
        (Answer(body=_BODY, headers={"Content-Type": "text/html"}), "gives a web page, not an answer file"),
        (Answer(body=b" \n"), "gives an empty answer file"),
        (Answer(204), "gives an empty answer file"),
        (Answer(body=b"#" * (2**20 + 1)), "is larger than 1048576 bytes"),
        (Answer(404), "has nothing for this machine (status 404)"),
        (Answer(403), "the server does not let this machine have"),
    ],
)
def test_what_is_no_answer_file_is_refused_at_once(answer: Answer, says: str, tmp_path: Path) -> None:
    with serving(answer) as server, pytest.raises(Error) as caught:
        find(Asking(tmp_path, f"xeninstall.post={server.url('/x?MARKER', 'MARKER@')}").ask)
    assert says in caught.value.message and caught.value.hint and "MARKER" not in caught.value.message
    assert len(server.asked) == 1


def test_a_server_that_never_recovers_is_given_up(tmp_path: Path) -> None:
    with serving(Answer(500)) as server, pytest.raises(HttpError, match=r"failed \(status 500\); given up after 0 s"):
        find(Asking(tmp_path, f"xeninstall.answers={server.url()} xeninstall.wait=0").ask)


def test_a_private_authority_or_a_pinned_certificate(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    both = certified(tmp_path, "fleet")
    pin = fingerprint(tmp_path / "fleet.pem")
    with serving(Answer(body=_BODY), certificate=both) as server, serving(Answer(body=ca.read_bytes())) as other:
        for words in (f"ca={ca}", f"ca={other.url('/ca.pem')}", f"fingerprint=sha256:{pin}"):
            assert find(Asking(tmp_path, f"xeninstall.answers={server.url()} xeninstall.{words}").ask) is not None
        asked = len(server.asked)
        for words, says in (
            ("wait=1", "is not trusted"),
            (f"fingerprint=sha256:{'00' * 32}", "another certificate than the one that was asked for"),
            ("ca=/none.pem", "the authorities' file /none.pem cannot be read: No such file"),
        ):
            with pytest.raises(Error) as caught:
                find(Asking(tmp_path, f"xeninstall.answers={server.url()} xeninstall.{words}").ask)
            assert says in caught.value.message
        assert len(server.asked) == asked, "nothing was asked of a server that is not believed"


def test_a_file_that_was_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Error) as caught:
        find(Asking(tmp_path, "xeninstall.answers=/none/a.toml").ask)
    assert (caught.value.message, caught.value.hint) == (
        "the answer file /none/a.toml is not there",
        "correct xeninstall.answers",
    )
    with pytest.raises(Error, match="no file system is labelled NOBODY"):
        find(Asking(tmp_path, "xeninstall.answers=LABEL=NOBODY").ask)


# ---- labelled file systems -----------------------------------------------------------------------------------------------

_REFERRING = LEAST + '[hooks]\ninstalled = "scripts/one.sh"\n'
_CONVERTING = 'flow = "convert"\n[convert]\nname = "old"\ntarget = "/mnt"\nunlock = ["word"]\ndrivers = ["win/w10"]\n'


@pytest.fixture
def stick(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A loop device with a file system on it, by its kind: vfat or ext4."""
    image = tmp_path / "stick.img"
    with image.open("wb") as file:
        file.truncate(40 * 2**20)
    folder = tmp_path / "tree"
    (folder / "scripts").mkdir(parents=True)
    (folder / "answers.toml").write_text(_REFERRING)
    (folder / "scripts/one.sh").write_text("#!/bin/sh\n")
    (folder / "convert.toml").write_text(_CONVERTING)
    (folder / "word").write_text("correct horse\n")
    (folder / "win/w10/amd64").mkdir(parents=True)
    (folder / "win/w10/viostor.inf").write_text("[Version]\n")
    (folder / "win/w10/amd64/viostor.sys").write_bytes(bytes(2 * 2**20))
    (folder / "large").write_bytes(bytes(2**20 + 1))
    (folder / "link").symlink_to("/etc/passwd")
    if request.param == "vfat":
        subprocess.run(["mkfs.vfat", "-F", "32", "-n", "XENANSWERS", image], check=True, capture_output=True)
        names = [str(folder / name) for name in ("answers.toml", "scripts", "large", "convert.toml", "word", "win")]
        subprocess.run(["mcopy", "-s", "-i", str(image), *names, "::/"], check=True, capture_output=True)
    else:
        argv = ["mkfs.ext4", "-q", "-L", "XENANSWERS", "-d", str(folder), str(image)]
        subprocess.run(argv, check=True, capture_output=True)
    node = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
    yield node
    subprocess.run(["losetup", "--detach", node], check=True)


class Unmounting:
    """A runner that finds the stick by its label, and whose kernel may know no file systems."""

    def __init__(self, node: str, *, mounts: bool) -> None:
        self._node, self._mounts, self.ran = node, mounts, list[str]()

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.ran.append(argv[0])
        if "--match-token" in argv:
            return Completed(tuple(argv), 0, f"{self._node}\n" if "LABEL=XENANSWERS" in argv else "", "")
        if argv[0] == "mount" and not self._mounts:
            return Completed(tuple(argv), 32, "", "unknown filesystem type")
        return SystemRunner().run(argv, stdin=stdin, check=check, cwd=cwd)

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        return SystemRunner().start(argv, cwd=cwd)


@pytest.mark.root
@pytest.mark.parametrize(("stick", "mounts"), [("vfat", False), ("ext4", False), ("ext4", True)], indirect=["stick"])
def test_answers_and_what_they_name_come_from_a_labelled_stick(stick: str, mounts: bool, tmp_path: Path) -> None:
    before = (tmp_path / "stick.img").read_bytes()
    runner = Unmounting(stick, mounts=mounts)
    found = find(Asking(tmp_path, "quiet", runner).ask)
    assert found is not None and found.origin == "XENANSWERS:/answers.toml"
    assert load(found.path).hooks.installed == "#!/bin/sh\n"
    assert ("umount" in runner.ran) is mounts
    converting = find(Asking(tmp_path, "xeninstall.answers=LABEL=XENANSWERS:/convert.toml", runner).ask)
    assert converting is not None
    convert = load(converting.path).convert
    assert Path(convert.unlock[0]).read_text() == "correct horse\n"
    drivers = {str(path.relative_to(convert.drivers[0])) for path in Path(convert.drivers[0]).rglob("*") if path.is_file()}
    assert drivers == {"viostor.inf", "amd64/viostor.sys"}
    assert (tmp_path / "stick.img").read_bytes() == before, "it was only read"
    for path, says in (
        ("/none", "there is no /none on it"),
        ("/large", "is larger than 1 MiB"),
        ("/link", "there is no /link on it"),
    ):
        with pytest.raises(Error, match=says):
            find(Asking(tmp_path, f"xeninstall.answers=LABEL=XENANSWERS:{path}", runner).ask)


def test_two_sticks_of_one_name_are_not_chosen_from(tmp_path: Path) -> None:
    two = Recorder(lambda argv: Completed(argv, 0, "/dev/sda1\n/dev/sdb1\n", ""))
    with pytest.raises(Error, match="2 file systems are labelled XENANSWERS: /dev/sda1, /dev/sdb1"):
        find(Asking(tmp_path, "quiet", two).ask)


@pytest.mark.root
@pytest.mark.parametrize("stick", ["ext4"], indirect=True)
def test_a_label_is_found_on_real_devices(stick: str, tmp_path: Path) -> None:
    found = find(Asking(tmp_path, "quiet", SystemRunner()).ask)
    assert found is not None and found.path.read_text() == _REFERRING
