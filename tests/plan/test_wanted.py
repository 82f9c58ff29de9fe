"""What is worked out from answers and machine together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.given import SEED, SYSTEM, answers, files, image_plan, machine
from xeninstall.base.sizes import GIB, MIB
from xeninstall.plan.build import build


def _dom0(memory_bytes: int, toml: str = "") -> str:
    plan = build(answers(toml), SYSTEM, SEED, machine=machine("uefi-plain", memory_bytes=memory_bytes))
    return plan.facts["dom0"]


@pytest.mark.parametrize(
    ("memory_gib", "dom0"),
    [(2, "1152 MiB, 8 vCPUs"), (16, "2048 MiB, 8 vCPUs"), (64, "5120 MiB, 8 vCPUs"), (1024, "8192 MiB, 8 vCPUs")],
)
def test_dom0s_memory_grows_with_the_machine_up_to_8_gib(memory_gib: int, dom0: str) -> None:
    assert _dom0(memory_gib * GIB) == dom0


@given(st.integers(2 * GIB * 7 // 8, 2**46))
def test_dom0_always_leaves_memory_for_guests(memory_bytes: int) -> None:
    mib = int(_dom0(memory_bytes).split()[0])
    assert 1024 <= mib <= 8192 and mib % 64 == 0
    assert mib * MIB <= memory_bytes - 512 * MIB


def test_what_was_answered_stands() -> None:
    assert _dom0(64 * GIB, '[xen]\ndom0_memory = "3G"\ndom0_vcpus = 3') == "3072 MiB, 3 vCPUs"


def test_dom0_has_no_more_vcpus_than_the_machine_has_threads() -> None:
    plan = build(answers('[storage]\ntype = "files"'), SYSTEM, SEED, machine=machine("qemu-virtio"))
    assert plan.facts["dom0"].endswith("2 vCPUs")


def test_an_image_for_an_unknown_machine_is_modest() -> None:
    assert image_plan().facts["dom0"] == "2048 MiB, 2 vCPUs"


def test_names() -> None:
    assert image_plan('[host]\nname = "xen1"\ndomain = "example.org"').facts["host"] == "xen1.example.org"
    assert image_plan('[host]\nname = "xen1"').facts["host"] == "xen1"
    assert files(image_plan('[host]\nname = "xen1"\ndomain = "example.org"'))["/etc/hostname"] == "xen1\n"
