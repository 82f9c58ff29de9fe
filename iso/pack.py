"""Last stages: the tree becomes one squashfs, by the image's own mksquashfs so that the build machine's version is all the same,
and is described by what is measured in it."""

import tomllib

from xeninstall.plan.system_image import SystemImage

from .builder import Build, BuildError
from .configure import kernel_release
from .contained import inside, run_inside, watch
from .inputs import DESCRIPTION, IMAGE
from .measure import inodes, sha256, unpacked_bytes
from .pool import read_sets

# Measured: level 15 costs half of level 19's time for half a percent more bytes, and unpacks as fast.
SQUASHFS = ("-comp", "zstd", "-Xcompression-level", "15", "-b", "256K", "-noappend", "-no-progress", "-quiet")


def pack(build: Build) -> None:
    """Write the squashfs into the work directory. The tree is shown a second time under /run, without what is mounted in it."""
    out = build.out
    out.mkdir(exist_ok=True)
    image = out / IMAGE
    image.unlink(missing_ok=True)
    argv = ["mksquashfs", "/run/root", f"/run/out/{IMAGE}", *SQUASHFS]

    def note() -> str:
        return f"{image.stat().st_size >> 20} MiB written" if image.is_file() else ""

    watch(build.runner, inside(build.root, argv, {"root": build.root, "out": out}), argv, note, build.say)


def describe(build: Build) -> None:
    """Measure the tree and the squashfs, and write system.json beside it."""
    root, out = build.root, build.out
    hypervisors = sorted((root / "boot").glob("xen-*-amd64.gz"))
    if len(hypervisors) != 1:
        raise BuildError(f"the image has {len(hypervisors)} Xen hypervisors, not one", hint="mend iso/packages.txt")
    kernel = kernel_release(root)
    boot_files = (f"/boot/vmlinuz-{kernel}", f"/boot/initrd.img-{kernel}", f"/boot/{hypervisors[0].name}")
    listed = run_inside(build.runner, root, ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n"])
    installed = [line.split() for line in listed.splitlines()]
    broken = [fields[1] for fields in installed if fields[0] != "installed"]
    if broken:
        raise BuildError(f"not fully installed in the image: {', '.join(broken)}", hint="run it again with --force")
    project = tomllib.loads((build.source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    image = SystemImage(
        format=1,
        product=str(project["version"]),
        sha256=sha256(out / IMAGE),
        size_bytes=(out / IMAGE).stat().st_size,
        unpacked_bytes=unpacked_bytes(root),
        inodes=inodes(root),
        debian=(root / "etc/debian_version").read_text(encoding="utf-8").strip(),
        kernel=kernel,
        xen=hypervisors[0].name,
        boot_files={name: sha256(root / name.lstrip("/")) for name in boot_files},
        packages={name: version for _, name, version in sorted(installed)},
        sets=read_sets(root),
    )
    missing = sorted(set(build.packages.base.names) - set(image.packages))
    if missing:
        raise BuildError(f"asked for but not in the image: {', '.join(missing)}", hint="mend iso/packages.txt")
    (out / DESCRIPTION).write_text(image.to_json(), encoding="utf-8")
