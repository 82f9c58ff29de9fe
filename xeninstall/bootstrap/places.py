"""Where a bootstrap keeps its own things on the host: for root alone, and across reboots."""

STATE = "/var/lib/xeninstall/bootstrap"
JOURNAL = f"{STATE}/journal.json"
KEPT = f"{STATE}/kept.json"  # the addresses that were moved onto the bridge, as they were
TRIAL = f"{STATE}/network"  # a network change that waits for its confirmation
AWAITED = f"{STATE}/xen-awaited"  # the next boot has to show Xen
MISSED = f"{STATE}/xen-missed"  # … and it did not
LOG = "/var/log/xeninstall/bootstrap.log"
APT_LOG = "/var/log/xeninstall/apt.log"
GRUB_SETTINGS = "/etc/default/grub.d/xeninstall.cfg"
GRUB_FALLBACK = "/etc/grub.d/15_xeninstall"  # behind the entries of 10_linux
