"""The plan as a whole: pure, repeatable, refusing before anything is written, and free of secrets wherever it is printed."""

import copy
import json

import pytest

from tests.given import DATA, SEED, SYSTEM, actions, answers, image_plan, machine, plan_for
from xeninstall.base.sizes import GIB
from xeninstall.machine.model import Content
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.check import Refused
from xeninstall.plan.model import Plan, SetRootPassword, WriteFile
from xeninstall.plan.show import show

_HASH = "$6$MARKERHASH$" + "x" * 60
_SECRETS = f"""
[root]
password_hash = "{_HASH}"
[hooks]
before_disk = '''#!/bin/sh
curl -H MARKERBEFORE https://x'''
installed = '''#!/bin/sh
echo MARKERINSTALLED'''
first_boot = '''#!/bin/sh
echo MARKERFIRST'''
webhook = "https://fleet.example.org/MARKERHOOK"
"""


def test_the_same_inputs_give_the_same_plan() -> None:
    assert plan_for("nvme", '[disk]\nserial = "S64HNE0R501200"') == plan_for("nvme", '[disk]\nserial = "S64HNE0R501200"')


def test_planning_changes_nothing_and_looks_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    computer, wish = machine("old-md"), answers('[disk]\nserial = "S45NNA0M500301"')
    before = copy.deepcopy((computer, wish))

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a plan is made of its inputs alone")

    for name in ("open", "os.stat", "os.open", "os.listdir", "subprocess.Popen", "time.time", "secrets.token_hex"):
        monkeypatch.setattr(f"builtins.{name}" if "." not in name else name, forbidden)
    plan = build(wish, SYSTEM, SEED, machine=computer)
    monkeypatch.undo()
    assert (computer, wish) == before
    assert plan.disks


def test_another_seed_gives_other_uuids_and_the_same_work() -> None:
    one, other = plan_for("uefi-plain"), plan_for("uefi-plain", seed="f" * 32)
    assert one.digest() != other.digest()
    assert [type(act) for act in actions(one)] == [type(act) for act in actions(other)]


def test_the_digest_names_the_work_and_not_what_is_lost() -> None:
    computer = machine("old-md")
    toml = '[disk]\nserial = "S45NNA0M500301"'
    before = build(answers(toml), SYSTEM, SEED, machine=computer)
    # What a half-finished run leaves on the disk is seen by the next probe.
    half = Content(path="/dev/sda3", kind="filesystem", label="xen-system")
    disks = tuple(d.model_copy(update={"contents": (half,)}) if d.path == "/dev/sda" else d for d in computer.disks)
    after = build(answers(toml), SYSTEM, SEED, machine=computer.model_copy(update={"disks": disks}))
    assert before.destroys != after.destroys
    assert before.digest() == after.digest()


@pytest.mark.parametrize(
    "toml",
    [
        '[host]\nname = "other"',
        "[xen]\ndom0_vcpus = 1",
        '[hooks]\ninstalled = "#!/bin/sh\\nb"',
        '[hooks]\nfirst_boot = "#!/bin/sh\\nb"',
    ],
)
def test_other_answers_are_another_plan(toml: str) -> None:
    base = '[hooks]\ninstalled = "#!/bin/sh\\na"\nfirst_boot = "#!/bin/sh\\na"'
    assert image_plan(base).digest() != image_plan(toml).digest()


def test_a_password_hashed_anew_is_the_same_plan() -> None:
    one, other = (image_plan(f'[root]\npassword_hash = "$6${salt}$' + "x" * 60 + '"') for salt in ("salt1salt1", "salt2salt2"))
    assert one.digest() == other.digest()


def test_a_plan_survives_the_way_through_json() -> None:
    plan = plan_for("uefi-plain")
    kept = json.loads(plan.model_dump_json())
    assert kept["seed"] == SEED and [stage["name"] for stage in kept["stages"]] == [stage.name for stage in plan.stages]


def test_no_print_of_a_plan_holds_a_secret() -> None:
    plan = image_plan(_SECRETS)
    printed = show(plan) + show(plan, files=True) + plan.model_dump_json() + repr(plan.facts)
    assert "MARKER" not in printed
    assert "first-boot-hook" in printed and '"do":"set-root-password"' in printed, "they are there, without their texts"
    assert next(act.hash for act in actions(plan) if isinstance(act, SetRootPassword)).get_secret_value() == _HASH


def test_every_path_is_written_with_one_purpose() -> None:
    written = [act.path for act in actions(image_plan(_SECRETS)) if isinstance(act, WriteFile)]
    assert len(written) == len(set(written))
    assert all(path.startswith("/") and ".." not in path for path in written)


# ---- an image file ------------------------------------------------------------------------------------------------------


def _refused(toml: str, file: ImageFile) -> list[str]:
    with pytest.raises(Refused) as caught:
        build(answers('[storage]\ntype = "files"\n' + toml), SYSTEM, SEED, image_file=file)
    assert caught.value.exit_code == 3
    return [f"{finding.what}; {finding.remedy}" for finding in caught.value.findings]


def test_an_image_that_exists_is_not_overwritten_unasked() -> None:
    assert _refused("[disk]\nerase = false", ImageFile("/x.img", 16 * GIB, exists=True)) == [
        "/x.img exists, and the answers do not allow to overwrite it; set disk.erase = true if that is meant"
    ]
    assert image_plan("[disk]\nerase = false").destroys == ()
    assert [loss.lines for loss in image_plan(exists=True).destroys] == [("the whole image file",)]


def test_a_small_image_and_a_mirror_are_refused_together() -> None:
    assert _refused('[disk.mirror]\nserial = "X"', ImageFile("/x.img", 8 * GIB)) == [
        "disk.mirror: an image file has no partner; leave the mirror out, or install onto two disks",
        "--size 8 GiB is too small; the system needs 9 GiB",
    ]


def test_extra_disks_do_not_go_with_an_image() -> None:
    toml = '[storage]\ntype = "thin"\n[[storage.extra_disks]]\nserial = "X"\nerase = true'
    with pytest.raises(Refused, match=r"storage.extra_disks: an image file has no further disks; leave them out"):
        image_plan(toml, size_bytes=64 * GIB)


def test_a_disk_that_the_answers_name_is_said_to_be_left_alone() -> None:
    plan = image_plan('[disk]\nserial = "X"\n[hardware]\nrequire_virtualization = false')
    assert plan.warnings == ("disk.serial names a disk, but the target is an image file: it is left alone",)


def test_nobody_knows_the_cpu_of_an_image() -> None:
    assert image_plan().warnings == (
        "an image is installed for a machine that is not known: whether its CPU has virtualization will show when it boots",
    )


# ---- what is lost -------------------------------------------------------------------------------------------------------


def _lost(name: str, path: str) -> str:
    toml = f'[disk]\npath = "{path}"\n[hardware]\naccept_secure_boot = true'
    return "\n".join(line for loss in plan_for(name, toml).destroys for line in (loss.disk, loss.identity, *loss.lines))


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("old-md", "/dev/sda", ["serial S45NNA0M500301", "/dev/sda1", "oldhost:0"]),
        ("old-zfs", "/dev/sda", ["zfs"]),
        ("windows", "/dev/nvme0n1", ["serial AJB2N47381080263Q", "ntfs", "Windows"]),
        ("foreign-xenvms", "/dev/sdb", ["xenvms"]),
    ],
)
def test_everything_found_on_the_disk_is_named_before_it_is_lost(name: str, path: str, words: list[str]) -> None:
    lost = _lost(name, path)
    assert all(word.lower() in lost.lower() for word in words), lost


def test_a_blank_disk_is_called_that() -> None:
    assert _lost("uefi-plain", "/dev/sda").endswith("nothing was found on it")


def test_only_disks_of_the_plan_are_among_the_losses() -> None:
    plan = plan_for("old-md", '[disk]\nserial = "S45NNA0M500302"')
    assert {loss.disk for loss in plan.destroys} == {"/dev/sdb"}


def test_every_recorded_loss_is_one_line() -> None:
    for path in (DATA / "machines").glob("*.json"):
        computer = machine(path.stem)
        for disk in computer.disks:
            if disk.usable and computer.nics:
                toml = f'[disk]\npath = "{disk.path}"\n[hardware]\nrequire_virtualization = false\naccept_secure_boot = true'
                plan = build(answers(toml), SYSTEM, SEED, machine=computer)
                assert isinstance(plan, Plan)
                assert all("\n" not in line and line for loss in plan.destroys for line in loss.lines)
