"""Progress for people: bytes, rate and time left, for each image and for all."""

import io
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.verbs.progress import Lines
from tests.p2v.disks import MIB
from xeninstall.base.events import Note, Progress, StageFinished, StageStarted


class Terminal(io.StringIO):
    """A screen of lines, as far as progress needs one."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        lines, row, column = [""], 0, 0
        text = self.getvalue()
        while text:
            if text.startswith("\x1b[A"):
                row, text = row - 1, text[3:]
                continue
            char, text = text[0], text[1:]
            match char:
                case "\n":
                    row, column = row + 1, 0
                    if row == len(lines):
                        lines.append("")
                case "\r":
                    column = 0
                case _:
                    lines[row] = lines[row][:column].ljust(column) + char + lines[row][column + 1 :]
                    column += 1
        return [line.rstrip() for line in lines]


def test_each_image_has_a_line_and_all_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    out = Terminal()
    show = Lines(out)
    show(StageStarted("copy", "Copying", 2, 2))
    for step in (1, 2):
        now[0] += 10
        show(Progress("copy: /out/sda.qcow2", step * 100 * MIB, 1000 * MIB))
        show(Progress("copy: /out/sdb.qcow2", step * 50 * MIB, 100 * MIB))
        show(Progress("copy", step * 150 * MIB, 1100 * MIB))
    assert out.screen() == [
        "Copying …",
        "  sda.qcow2        20 %  200 MiB of 1000 MiB  10 MiB/s  1 min 20 s left",
        "  sdb.qcow2       100 %  100 MiB of 100 MiB  5 MiB/s  0 s left",
        "  all              27 %  300 MiB of 1.1 GiB  15 MiB/s  53 s left",
    ]
    show(Note("something", warning=True))
    assert out.screen() == ["Copying …", "  Warning: something", "", ""]
    show(Progress("copy", 1100 * MIB, 1100 * MIB))
    show(StageFinished("copy", 1.0))
    assert [line for line in out.screen() if line] == ["Copying …", "  Warning: something"]


def test_a_single_image_has_one_line_without_a_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "one.img").write_bytes(bytes(range(256)) * 4096 * 12)
    (tmp_path / "two.img").write_bytes(bytes(range(256)) * 4096 * 12)
    assert main(["convert", str(tmp_path / "one.img"), "--to", str(tmp_path / "x"), "--format", "raw"]) == 0
    said = capsys.readouterr().err
    assert "\n  100 %  12 MiB of 12 MiB  " in said and "all" not in said.replace("all of", "")
    (tmp_path / "out").mkdir()
    disks = [str(tmp_path / name) for name in ("one.img", "two.img")]
    assert main(["convert", *disks, "--to", str(tmp_path / "out"), "--format", "raw"]) == 0
    said = capsys.readouterr().err
    assert "  one.img         100 %  12 MiB of 12 MiB  " in said and "  two.img         100 %" in said
    assert "  all             100 %  24 MiB of 24 MiB  " in said
