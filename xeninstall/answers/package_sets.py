"""The Debian packages of each set, for hosts that get them by apt; on the medium they lie as iso/packages.txt says, which a test
compares.
"""

from .host import PackageSet

SETS: dict[PackageSet, tuple[str, ...]] = {
    PackageSet.LINUX_GUESTS: ("debootstrap", "ubuntu-keyring", "qemu-utils", "rsync"),
    PackageSet.STORAGE: ("nfs-common", "open-iscsi", "multipath-tools", "lsscsi"),
    PackageSet.POOL: ("ganeti", "ganeti-instance-debootstrap", "drbd-utils"),
    PackageSet.MONITORING: ("prometheus-node-exporter", "lm-sensors", "sysstat", "ipmitool", "htop"),
}
