"""Nothing of the build itself stays in the image."""

import os
from pathlib import Path

from iso.builder import SOURCE_DATE_EPOCH
from iso.normalise import normalise

from .fake import build_in


def test_keys_seeds_logs_and_caches_are_gone_and_directories_of_services_stay(tmp_path: Path) -> None:
    build = build_in(tmp_path)
    gone = [
        "etc/ssh/ssh_host_rsa_key",
        "var/lib/systemd/random-seed",
        "var/log/dpkg.log",
        "var/log/apt/history.log",
        "etc/shadow-",
    ]
    gone += ["var/cache/apt/pkgcache.bin", "var/lib/apt/lists/deb_trixie_Packages", "var/cache/ldconfig/aux-cache", "tmp/x"]
    kept = ["etc/ssh/sshd_config", "etc/shadow", "var/lib/apt/extended_states"]
    for name in gone + kept:
        (build.root / name).parent.mkdir(parents=True, exist_ok=True)
        (build.root / name).write_text("x")
    (build.root / "var/log/chrony").mkdir()
    normalise(build)
    assert [name for name in gone if (build.root / name).exists()] == []
    assert [name for name in kept if not (build.root / name).exists()] == []
    assert (build.root / "var/log/chrony").is_dir()
    assert (build.root / "var/log/apt").is_dir()


def test_nothing_is_younger_than_the_release_and_our_own_files_are_as_old_as_it(tmp_path: Path) -> None:
    build = build_in(tmp_path)
    times = {"new": SOURCE_DATE_EPOCH + 9, "old": SOURCE_DATE_EPOCH - 9, "usr/lib/xeninstall/cli.py": SOURCE_DATE_EPOCH - 9}
    for name, moment in times.items():
        path = build.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (moment, moment))
    (build.root / "link").symlink_to("nowhere")
    normalise(build)
    seen = {name: int((build.root / name).lstat().st_mtime) - SOURCE_DATE_EPOCH for name in [*times, "link", "."]}
    assert seen == {"new": 0, "old": -9, "usr/lib/xeninstall/cli.py": 0, "link": 0, ".": 0}


def test_the_first_boot_does_not_repeat_what_the_packages_did(tmp_path: Path) -> None:
    build = build_in(tmp_path)
    (build.root / "usr").mkdir(parents=True)
    normalise(build)
    for folder in ("etc", "var"):
        stamp = build.root / folder / ".updated"
        # systemd compares it with /usr: ConditionNeedsUpdate= holds when /usr is younger.
        assert stamp.stat().st_mtime >= (build.root / "usr").stat().st_mtime
        assert stamp.read_text().endswith(f"TIMESTAMP_NSEC={SOURCE_DATE_EPOCH}000000000\n")
