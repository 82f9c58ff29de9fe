"""Encrypted volumes are opened by a passphrase and repaired inside; LUKS1 is written and read again by QEMU's own."""

import json
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.source.sectors import Sectors
from tests.p2v.disks import MIB, patch, run, sha
from tests.p2v.luks import luks1, luks2
from tests.p2v.volume_group import make_group, striped

from .real_disks import OLD_RELEASE, cat, ext4, gpt, piece, tree
from .test_mounts import no_traces

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]
_ROOT = OLD_RELEASE + "=== /etc/fstab\n/dev/mapper/sda2_crypt / ext4 defaults 0 1\n/dev/mapper/more_crypt /opt ext4 x 0 2\n"
_ROOT += "=== /opt/\n=== /etc/blkid.tab\nx\n=== /etc/crypttab\nsda2_crypt /dev/sda2 none luks\nmore_crypt /dev/sda3 none luks\n"
_WORDS = ["first words", "a wrong one", "zweite Wörter"]


@pytest.fixture
def words(tmp_path: Path) -> dict[str, Path]:
    """Files with passphrases, each on a line."""
    found = {word: tmp_path / f"word{number}" for number, word in enumerate(_WORDS)}
    for word, path in found.items():
        path.write_text(f"{word}\n")
    return found


def _back(closed: Path, to: Path, word: str) -> Path:
    image = f"driver=luks,key-secret=key,file.filename={closed}"
    run("qemu-img", "convert", "--object", f"secret,id=key,data={word}", "--image-opts", image, "-O", "raw", to)
    return to


def _plain(part: Path, key: bytes, sector_bytes: int, to: Path) -> Path:
    to.write_bytes(Sectors("aes-xts-plain64", key, sector_bytes, 0).decrypt(0, part.read_bytes()[16 * MIB :]))
    return to


@pytest.mark.parametrize("cipher", ["xts", "cbc"])
def test_a_luks1_root_is_repaired_inside(tmp_path: Path, words: dict[str, Path], cipher: str) -> None:
    options = [] if cipher == "xts" else ["cipher-mode=cbc", "ivgen-alg=essiv", "ivgen-hash-alg=sha256"]
    ext4(tmp_path / "plain", tree(tmp_path / "t", _ROOT), 24)
    boot = tmp_path / "boot"
    ext4(boot, tree(tmp_path / "b", "=== /x\n"), 8)
    more = ext4(tmp_path / "opt", tree(tmp_path / "t2", "=== /there\n"), 8)
    closed = luks1(tmp_path / "plain", tmp_path / "closed", _WORDS[0], *options)
    other = luks1(tmp_path / "opt", tmp_path / "closed2", _WORDS[2], *options)
    uuid = run("cryptsetup", "luksUUID", closed).strip()
    disk = tmp_path / "old.img"
    starts = gpt(disk, [("L", boot), ("L", closed), ("L", other)])
    before = sha(disk)
    given = [word for path in words.values() for word in ("--unlock", f"file:{path}")]
    image = tmp_path / "new.img"
    assert main(["convert", str(disk), "--repair", *given, "--to", str(image), "--format", "raw"]) == 0
    assert sha(disk) == before
    no_traces()
    size = -(-closed.stat().st_size // MIB)
    root = _back(piece(image, starts[1], size, tmp_path / "p"), tmp_path / "root", _WORDS[0])
    run("e2fsck", "-f", "-n", root)
    assert f"sda2_crypt UUID={uuid} none luks" in cat(root, "/etc/crypttab")
    assert "/dev/mapper/sda2_crypt / ext4" in cat(root, "/etc/fstab")
    told = cat(root, "/var/lib/p2v/report.txt")
    assert "remove /etc/blkid.tab" in told and "was not found" not in told
    assert more  # /opt was mounted there: nothing of it is reported missing
    assert _WORDS[0] not in (tmp_path / "new.img.repairs.txt").read_text()


@pytest.mark.parametrize(("sector_bytes", "kdf"), [(512, "pbkdf2"), (4096, "argon2id")])
def test_a_volume_group_in_luks2_is_repaired_inside(
    tmp_path: Path, words: dict[str, Path], sector_bytes: int, kdf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pv = tmp_path / "pv"
    with pv.open("wb") as file:
        file.truncate(40 * MIB)
    group = make_group(tmp_path, {"pv0": pv}, striped("root", (24, [("pv0", 3)])))
    described = OLD_RELEASE + f"=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/mapper/{group}-root / ext4 x 0 1\n=== /etc/blkid.tab\nx\n"
    ext4(tmp_path / "root", tree(tmp_path / "t", described), 24)
    patch(pv, 4 * MIB, (tmp_path / "root").read_bytes())
    quick = ["--pbkdf", kdf, "--pbkdf-force-iterations", "4" if kdf == "argon2id" else "1000"]
    quick += ["--pbkdf-memory", "32768"] if kdf == "argon2id" else []
    key = luks2(pv, tmp_path / "closed", _WORDS[0], sector_bytes, *quick)
    # A second key slot: either passphrase opens it.
    (tmp_path / "new").write_text(_WORDS[2])
    adding = ["cryptsetup", "luksAddKey", "--batch-mode", *quick, "--key-file", "-", tmp_path / "closed", tmp_path / "new"]
    run(*adding, stdin=_WORDS[0])
    disk = tmp_path / "old.img"
    (start,) = gpt(disk, [("L", tmp_path / "closed")])
    before = sha(disk)
    unlock = ["--unlock", f"file:{words[_WORDS[2]]}"]
    assert main(["preflight", str(disk), *unlock, "--to", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "GOOD     Old Debian: it can be repaired" in said and "not repaired" not in said
    image = tmp_path / "new.img"
    assert main(["convert", str(disk), "--repair", *unlock, "--to", str(image), "--format", "raw"]) == 0
    assert sha(disk) == before
    no_traces()
    part = piece(image, start, 56, tmp_path / "p")
    after = piece(_plain(part, key, sector_bytes, tmp_path / "after"), 4 * MIB, 24, tmp_path / "r")
    run("e2fsck", "-f", "-n", after)
    assert "remove /etc/blkid.tab" in cat(after, "/var/lib/p2v/report.txt")
    assert sha(piece(part, 0, 16, tmp_path / "h1")) == sha(piece(tmp_path / "closed", 0, 16, tmp_path / "h2"))


def test_by_an_answer_file(tmp_path: Path, words: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    ext4(tmp_path / "plain", tree(tmp_path / "t", OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/blkid.tab\nx\n"), 8)
    luks2(tmp_path / "plain", tmp_path / "closed", _WORDS[0], 512, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    gpt(tmp_path / "old.img", [("L", tmp_path / "closed")])
    out = tmp_path / "out"
    out.mkdir()
    answers = tmp_path / "answers.toml"
    answers.write_text(
        f'flow = "convert"\n[convert]\nname = "old"\ntarget = "{out}"\nformat = "raw"\nunlock = ["{words[_WORDS[0]]}"]\n'
        f'[[convert.source]]\npath = "{tmp_path}/old.img"\n'
    )
    assert main(["convert", "--answers", str(answers)]) == 0
    assert "remove /etc/blkid.tab" in (out / "old.img.repairs.txt").read_text()
    words[_WORDS[0]].unlink()
    assert main(["convert", "--answers", str(answers)]) == 2
    assert f"convert.unlock file:{words[_WORDS[0]]} cannot be read: No such file" in capsys.readouterr().err


def test_what_does_not_open_says_why(tmp_path: Path, words: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    ext4(tmp_path / "plain", tree(tmp_path / "t", OLD_RELEASE), 8)
    quick = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]
    luks2(tmp_path / "plain", tmp_path / "closed", _WORDS[0], 512, *quick)
    disk = tmp_path / "old.img"
    gpt(disk, [("L", tmp_path / "closed")])
    convert = ["convert", str(disk), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]
    assert main(convert) == 3
    said = capsys.readouterr().err
    assert "disk 1, partition 1 is encrypted (LUKS2)" in said and "--unlock" in said
    wrong = ["--unlock", f"file:{words[_WORDS[1]]}"]
    assert main([*convert, *wrong]) == 1
    said = capsys.readouterr().err
    assert "disk 1, partition 1 is encrypted (LUKS2) and was not opened: no passphrase that was given opens it" in said
    assert _WORDS[1] not in said and not (tmp_path / "new.img").exists()
    assert main(["preflight", str(disk), *wrong, "--to", str(tmp_path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert any("no passphrase that was given opens it" in finding["text"] for finding in found["findings"])
    assert main([*convert, "--unlock", "my words"]) == 2
    assert "--unlock takes the place of a password" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("detached", "it is a detached header: the data that it belongs to is on another volume"),
        ("tpm", "its only keys are kept by the machine's TPM or a token: add a passphrase in the running system"),
    ],
)
def test_what_cannot_be_opened_is_told_by_name(
    tmp_path: Path, words: dict[str, Path], change: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = tmp_path / "closed"
    with closed.open("wb") as file:
        file.truncate(20 * MIB)
    quick: list[object] = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", "-"]
    data = tmp_path / "data"
    data.write_bytes(bytes(MIB))
    where: list[object] = ["--header", closed, data] if change == "detached" else [closed]
    run("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", *quick, *where, stdin=_WORDS[0])
    if change == "tpm":
        token = json.dumps({"type": "clevis", "keyslots": ["0"], "jwe": {}})
        run("cryptsetup", "token", "import", "--json-file", "-", closed, stdin=token)
    disk = tmp_path / "old.img"
    gpt(disk, [("L", closed)])
    unlock = ["--unlock", f"file:{words[_WORDS[1 if change == 'tpm' else 0]]}"]
    assert main(["convert", str(disk), "--plan", *unlock]) == 1
    assert said in capsys.readouterr().err
    no_traces()
