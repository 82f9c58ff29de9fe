"""Whatever a guest's links say, nothing outside of it is read or written."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2v.guest.apply import Applier, RepairError
from p2v.guest.changes import Draft, MakeLink, Remove, WriteFile
from p2v.guest.tree import MAX_BYTES, Kind, RootTree, TreeError, find, text

from .trees import write_tree

_SECRET = "outside of the guest"
_names = st.sampled_from(["a", "b", "c", "etc", "secret", "link", "outside"])
_targets = st.lists(
    st.sampled_from(["..", ".", "/", "a", "b", "c", "etc", "secret", "link", "outside", "root", "proc/self/root"]), max_size=7
)
_paths = st.lists(st.sampled_from(["..", ".", "a", "b", "c", "etc", "secret", "link", "outside"]), min_size=1, max_size=5)


@given(
    links=st.lists(st.tuples(st.lists(_names, min_size=1, max_size=3), _targets), max_size=8),
    paths=st.lists(_paths, min_size=1, max_size=6),
)
def test_no_path_leads_out_whatever_the_links(links: list[tuple[list[str], list[str]]], paths: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "secret").write_text(_SECRET)
        (top / "outside").mkdir()
        (top / "outside" / "secret").write_text(_SECRET)
        root = top / "root"
        (root / "etc").mkdir(parents=True)
        for place, target in links:
            at = root.joinpath(*place)
            try:
                at.parent.mkdir(parents=True, exist_ok=True)
                at.symlink_to("/".join(target).replace("//", "/") or "/")
            except OSError:
                continue  # Taken already, or below a link.
        # Links that lead out by the host's rules may have made folders outside; what counts begins here.
        before = sorted(os.fspath(path) for path in top.rglob("*") if root not in path.parents)
        tree = RootTree(root)
        applier = Applier(tree)
        for parts in paths:
            path = "/" + "/".join(parts)
            assert tree.read(path) != _SECRET.encode()
            assert not tree.real(path).startswith(("/..", folder))
            tree.names(path), tree.link(path), find(tree, f"{path}/*")
            for change in (
                WriteFile(f"{path}/new", b"x", ""),
                MakeLink(f"{path}/made", "/secret", ""),
                Remove(f"{path}/secret", ""),
            ):
                try:
                    applier.make(change)
                except (RepairError, TreeError):
                    continue
        applier.finish([])
        tree.close()
        assert (top / "secret").read_text() == (top / "outside" / "secret").read_text() == _SECRET
        assert sorted(os.fspath(path) for path in top.rglob("*") if root not in path.parents) == before


def test_a_link_is_followed_within_the_guest(tmp_path: Path) -> None:
    write_tree(
        "=== /etc/passwd\nguest's\n=== /etc/a -> /etc/passwd\n=== /etc/b -> ../../../../etc/passwd\n=== /loop -> /loop\n",
        tmp_path,
    )
    tree = RootTree(tmp_path)
    assert text(tree, "/etc/a") == text(tree, "/etc/b") == text(tree, "/../../etc/b") == "guest's"
    assert tree.real("/etc/b") == "/etc/passwd"
    assert tree.link("/etc/b") == "../../../../etc/passwd"
    assert tree.read("/loop") is None
    assert tree.kind("/loop") is None


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = RootTree(tmp_path)
    assert tree.kind("/pipe") is Kind.OTHER
    assert tree.read("/pipe") is None
    with pytest.raises(RepairError, match="/pipe of the guest is not a file, and cannot be written"):
        Applier(tree).make(WriteFile("/pipe", b"x", ""))


def test_a_file_of_absurd_size_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "fstab").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(TreeError, match="/fstab of the guest is larger than 64 MiB"):
        RootTree(tmp_path).read("/fstab")
    assert RootTree(tmp_path).read("/fstab", 4) == bytes(4)


def test_what_is_no_text_survives(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"caf\xe9\n")
    tree = RootTree(tmp_path)
    from p2v.guest.tree import encode

    assert encode(text(tree, "/f") or "") == b"caf\xe9\n"


def test_a_file_that_is_written_keeps_owner_mode_and_hard_links(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(0o600)
    (tmp_path / "same").hardlink_to(tmp_path / "f")
    Applier(RootTree(tmp_path)).make(WriteFile("/f", b"new", ""))
    assert (tmp_path / "same").read_text() == "new"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "var/lib/p2v/before/f").read_text() == "old"
    assert (tmp_path / "var/lib/p2v/before/f").stat().st_mode & 0o777 == 0o600


def test_a_draft_shows_the_guest_as_it_will_be(tmp_path: Path) -> None:
    write_tree("=== /etc/a\nold\n=== /etc/gone\nx\n=== /etc/link -> a\n=== /lib -> usr/lib\n=== /usr/lib/x\nx\n", tmp_path)
    draft = Draft(
        RootTree(tmp_path), [WriteFile("/etc/link", b"new", ""), Remove("/etc/gone", ""), WriteFile("/etc/d/new", b"n", "")]
    )
    draft.lay(MakeLink("/lib/made", "x", ""))
    assert (text(draft, "/etc/a"), text(draft, "/etc/link"), draft.read("/etc/gone")) == ("new", "new", None)
    assert draft.names("/etc") == ("a", "d", "link")
    assert find(draft, "/etc/*/new") == ["/etc/d/new"]
    assert (draft.kind("/etc/d"), draft.kind("/etc/gone"), draft.link("/usr/lib/made")) == (Kind.FOLDER, None, "x")
    assert text(draft, "/usr/lib/made") == "x"
    assert (tmp_path / "etc/a").read_text() == "old"
