"""Hooks and package sets in the plan."""

import pytest

from tests.given import SEED, SYSTEM, actions, answers, files, image_plan, links
from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import GIB
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.model import InstallPackages, Plan, Remove, RunHook, UnpackSystem, VerifyHost, WipeDisk

_HOOKS = '[hooks]\nbefore_disk = "#!/bin/sh\\nexit 0"\ninstalled = "#!/bin/sh\\nexit 1"\nfirst_boot = "#!/bin/sh\\nexit 2"\n'


def _where(plan: Plan, kind: type) -> list[int]:
    return [number for number, act in enumerate(actions(plan)) if isinstance(act, kind)]


def test_hooks_run_before_the_disk_is_touched_and_after_everything_was_verified() -> None:
    plan = image_plan(_HOOKS)
    before, installed = _where(plan, RunHook)
    assert before < _where(plan, WipeDisk)[0]
    assert installed > _where(plan, VerifyHost)[0]


def test_a_resumed_run_does_not_verify_what_the_hook_has_changed() -> None:
    stage_of = {type(act): stage.name for stage in image_plan(_HOOKS).stages for act in stage.actions}
    assert stage_of[RunHook] != stage_of[VerifyHost]


def test_the_first_boot_hook_runs_once_and_again_when_it_failed() -> None:
    plan = image_plan(_HOOKS)
    unit = files(plan)["/etc/systemd/system/xeninstall-first-boot.service"]
    assert "ConditionPathExists=!/var/lib/xeninstall/first-boot-done" in unit
    assert "ExecStartPost=/usr/bin/touch /var/lib/xeninstall/first-boot-done" in unit
    assert files(plan)["/usr/local/lib/xeninstall/first-boot-hook"] == "#!/bin/sh\nexit 2"
    assert "/etc/systemd/system/multi-user.target.wants/xeninstall-first-boot.service" in links(plan)


def test_sets_come_from_the_pool_which_goes_only_when_they_are_in() -> None:
    plan = image_plan('[packages]\nsets = ["base", "storage", "pool"]')
    assert [act.set for act in actions(plan) if isinstance(act, InstallPackages)] == ["storage", "pool"]
    stages = {stage.name: stage for stage in plan.stages}
    pool = Remove(path="/var/lib/xeninstall/pool")
    # A killed stage is repeated from its start, and needs what it installs from.
    assert pool not in stages["packages"].actions
    order = [stage.name for stage in plan.stages]
    holder = next(stage.name for stage in plan.stages if pool in stage.actions)
    assert order.index(holder) > order.index("packages")
    assert _where(plan, UnpackSystem)[0] < _where(plan, InstallPackages)[0]


def test_a_set_that_the_image_lacks_is_refused_with_those_that_it_has() -> None:
    poor = SYSTEM.model_copy(update={"sets": {"storage": SYSTEM.sets["storage"]}})
    toml = '[storage]\ntype = "files"\n[packages]\nsets = ["base", "monitoring"]'
    with pytest.raises(RequirementError) as caught:
        build(answers(toml), poor, SEED, image_file=ImageFile("/x.img", 16 * GIB))
    assert caught.value.message == "packages.sets: this system image does not hold the set monitoring"
    assert caught.value.hint == "it holds: base, storage"
