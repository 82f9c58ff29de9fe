"""The management network as systemd-networkd files: NIC or bond, perhaps a VLAN, under the bridge xenbr0.

Names are matched exactly, since a pattern that also matched guests' interfaces would take them from the bridge.
The bridge carries the NIC's MAC address, so that DHCP leases survive; where the NIC is not known yet (an image), the
kernel gives the bridge its first port's address.
"""

from xeninstall.answers.model import BondMode, DnsMode, Ipv4Method, Ipv6Method, NtpMode

from .model import Action, MakeLink, WriteFile
from .units import enabled_unit
from .wanted import Host

BRIDGE = "xenbr0"
DIRECTORY = "/etc/systemd/network"
RESOLVED = "/etc/systemd/resolved.conf.d/xeninstall.conf"
DNSMASQ = "/etc/dnsmasq.d/xeninstall.conf"


def actions(wanted: Host) -> tuple[Action, ...]:
    """Everything below /etc/systemd/network, and the service that finds an image's NIC."""
    network = wanted.answers.network
    files = {f"10-{BRIDGE}.netdev": _bridge(wanted), f"10-{BRIDGE}.link": _keep_kernels_address(BRIDGE)}
    below = BRIDGE  # what the next layer down is attached to
    attach = f"Bridge={below}"
    if network.vlan is not None:
        name = f"vlan{network.vlan}"
        files[f"10-{name}.netdev"] = _join(
            "[NetDev]", f"Name={name}", "Kind=vlan", *_mtu_netdev(wanted), "", "[VLAN]", f"Id={network.vlan}"
        )
        files[f"25-{name}.network"] = _port(wanted, f"Name={name}", attach)
        attach = f"VLAN={name}"
    if network.bond is not None:
        files["10-bond0.netdev"], files["10-bond0.link"] = _bond(wanted), _keep_kernels_address("bond0")
        files["22-bond0.network"] = _port(wanted, "Name=bond0", attach)
        attach = "Bond=bond0"
    extra: tuple[Action, ...] = ()
    if wanted.nics:
        for nic in wanted.nics:
            files[f"20-uplink-{nic.name}.network"] = _port(wanted, f"PermanentMACAddress={nic.mac}", attach)
    elif network.bond is not None or network.nic != "auto":
        names = network.bond.members if network.bond else (network.nic,)
        for number, name in enumerate(names):
            match = f"PermanentMACAddress={name}" if ":" in name else f"Name={name}"
            files[f"20-uplink-{number}.network"] = _port(wanted, match, attach)
    else:
        extra = _uplink_at_first_boot(_port(wanted, "PermanentMACAddress=@MAC@", attach))
    files[f"30-{BRIDGE}.network"] = _management(wanted)
    written = tuple(WriteFile(path=f"{DIRECTORY}/{name}", text=text) for name, text in sorted(files.items()))
    online = _join(
        "[Service]", "ExecStart=", f"ExecStart=-/usr/lib/systemd/systemd-networkd-wait-online --interface={BRIDGE} --timeout=30"
    )
    # The dash: an unplugged cable delays guests by half a minute, and leaves no failed unit behind.
    waiting = WriteFile(path="/etc/systemd/system/systemd-networkd-wait-online.service.d/xeninstall.conf", text=online)
    return (*written, waiting, *extra)


def _join(*lines: str) -> str:
    return "# Written by xeninstall.\n" + "\n".join(lines) + "\n"


def _mtu_netdev(wanted: Host) -> tuple[str, ...]:
    return (f"MTUBytes={wanted.answers.network.mtu}",) if wanted.answers.network.mtu else ()


def _mac(wanted: Host) -> str:
    return f"MACAddress={wanted.nics[0].mac if wanted.nics else 'none'}"


def _bridge(wanted: Host) -> str:
    return _join("[NetDev]", f"Name={BRIDGE}", "Kind=bridge", _mac(wanted), *_mtu_netdev(wanted), "", "[Bridge]", "STP=no")


def _keep_kernels_address(name: str) -> str:
    """udev would make up an address of its own; the kernel takes that of the first port."""
    return _join("[Match]", f"OriginalName={name}", "", "[Link]", "MACAddressPolicy=none")


def _bond(wanted: Host) -> str:
    bond = wanted.answers.network.bond
    assert bond is not None
    lines = ["[NetDev]", "Name=bond0", "Kind=bond", _mac(wanted), *_mtu_netdev(wanted)]
    lines += ["", "[Bond]", f"Mode={bond.mode}", "MIIMonitorSec=100ms"]
    if bond.mode is BondMode.LACP:
        lines += ["LACPTransmitRate=fast", "TransmitHashPolicy=layer3+4"]
    return _join(*lines)


def _port(wanted: Host, match: str, attach: str) -> str:
    # A MAC address alone would also match what is stacked upon the card; those have a kind, cards have none.
    lines = ["[Match]", match, *(["Kind=!*"] if match.startswith("Permanent") else []), "", "[Link]"]
    if wanted.answers.network.mtu:
        lines.append(f"MTUBytes={wanted.answers.network.mtu}")
    lines += ["RequiredForOnline=no", "", "[Network]", attach, "LinkLocalAddressing=no", "IPv6AcceptRA=no"]
    return _join(*lines)


def _management(wanted: Host) -> str:
    answers = wanted.answers
    ipv4, ipv6 = answers.network.ipv4, answers.network.ipv6
    dhcp4, auto6 = ipv4.method is Ipv4Method.DHCP, ipv6.method is Ipv6Method.AUTO
    network = [f"DHCP={'ipv4' if dhcp4 else 'no'}"]
    network.append("LinkLocalAddressing=" + ("no" if ipv6.method is Ipv6Method.NONE else "ipv6"))
    network.append(f"IPv6AcceptRA={'yes' if auto6 else 'no'}")
    if ipv4.method is Ipv4Method.STATIC and ipv4.address:
        network.append(f"Address={ipv4.address}")
        network += [f"Gateway={ipv4.gateway}"] if ipv4.gateway else []
    if ipv6.method is Ipv6Method.STATIC and ipv6.address:
        network.append(f"Address={ipv6.address}")
        network += [f"Gateway={ipv6.gateway}"] if ipv6.gateway else []
    if wanted.static_addresses:
        network.append("ConfigureWithoutCarrier=yes")
    use_dns = "yes" if answers.dns.mode is DnsMode.DHCP else "no"
    use_ntp = "yes" if answers.time.ntp is NtpMode.DHCP else "no"
    lines = ["[Match]", f"Name={BRIDGE}", "", "[Link]", "RequiredForOnline=routable", "", "[Network]", *network]
    if dhcp4:
        # The MAC address as client id keeps the lease that the machine had in the installer and gets in a netboot.
        lines += [
            "",
            "[DHCPv4]",
            "ClientIdentifier=mac",
            f"UseDNS={use_dns}",
            f"UseNTP={use_ntp}",
            "UseHostname=no",
            f"UseDomains={use_dns}",
        ]
    if auto6:
        lines += ["", "[DHCPv6]", f"UseDNS={use_dns}", f"UseNTP={use_ntp}", "UseHostname=no"]
        lines += ["", "[IPv6AcceptRA]", f"UseDNS={use_dns}", f"UseDomains={use_dns}"]
    return _join(*lines)


def _uplink_at_first_boot(template: str) -> tuple[Action, ...]:
    script = """#!/bin/sh
# Made by xeninstall for an image whose machine was not known: take the first network card that has a link, else the
# first there is, as the management NIC; choose once, by MAC address.
set -eu
cards() {
    for card in /sys/class/net/*; do
        [ -e "$card/device" ] && [ ! -e "$card/phy80211" ] && [ "$(cat "$card/type")" = 1 ] || continue
        case "$(basename "$card")" in vif*|tap*) ;; *) basename "$card" ;; esac
    done
    return 0
}
udevadm settle --timeout=20 || true
tries=0
while [ -z "$(cards)" ] && [ $tries -lt 30 ]; do sleep 1; tries=$((tries + 1)); done
chosen=
for card in $(cards); do ip link set "$card" up || true; done
tries=0
while [ -z "$chosen" ] && [ $tries -lt 5 ]; do
    for card in $(cards); do
        if [ "$(cat "/sys/class/net/$card/carrier" 2>/dev/null)" = 1 ]; then chosen=$card; break; fi
    done
    [ -n "$chosen" ] || sleep 1
    tries=$((tries + 1))
done
[ -n "$chosen" ] || chosen=$(cards | head -n 1)
[ -n "$chosen" ] || { echo "no network card found; choose one later in /etc/systemd/network" >&2; exit 0; }
sed "s/@MAC@/$(cat "/sys/class/net/$chosen/address")/" /usr/local/lib/xeninstall/uplink.network \\
    > /etc/systemd/network/20-uplink.new
mv /etc/systemd/network/20-uplink.new /etc/systemd/network/20-uplink.network
"""
    unit = """[Unit]
Description=Choose the management network card
DefaultDependencies=no
After=systemd-udevd.service systemd-udev-trigger.service local-fs.target
Before=systemd-networkd.service
ConditionPathExists=!/etc/systemd/network/20-uplink.network

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/xeninstall/choose-uplink

[Install]
WantedBy=systemd-networkd.service
"""
    return (
        WriteFile(path="/usr/local/lib/xeninstall/uplink.network", text=template),
        WriteFile(path="/usr/local/lib/xeninstall/choose-uplink", text=script, mode=0o755),
        *enabled_unit("xeninstall-uplink.service", unit, wanted_by="systemd-networkd.service"),
    )


def resolver(wanted: Host) -> tuple[Action, ...]:
    """systemd-resolved for this host, and dnsmasq for everybody where this host serves DNS."""
    dns = wanted.answers.dns
    search = " ".join(dns.search)
    lines = ["[Resolve]"]
    if dns.mode is DnsMode.SERVERS:
        lines.append(f"DNS={' '.join(dns.servers)}")
    if dns.mode is DnsMode.SERVE:
        # The host asks its own server, so that what it serves is what it sees.
        lines += ["DNS=127.0.0.1", "DNSSEC=no"]
    domain = wanted.answers.host.domain
    if search or domain:
        lines.append(f"Domains={search or domain}")
    out: list[Action] = [WriteFile(path=RESOLVED, text=_join(*lines))]
    out.append(MakeLink(path="/etc/resolv.conf", to="../run/systemd/resolve/stub-resolv.conf"))
    if dns.mode is DnsMode.SERVE:
        served = [
            f"interface={BRIDGE}",
            "bind-dynamic",
            "no-resolv",
            "no-poll",
            "domain-needed",
            "bogus-priv",
            *(f"server={forwarder}" for forwarder in dns.forwarders),
        ]
        if domain:
            served += [f"domain={domain}", "expand-hosts", f"local=/{domain}/"]
        if not wanted.static_addresses:
            # /etc/hosts cannot hold an address that changes, so the bridge's own is served.
            served += [f"interface-name={name},{BRIDGE}" for name in dict.fromkeys((wanted.fqdn, wanted.answers.host.name))]
        out.append(WriteFile(path=DNSMASQ, text=_join(*served)))
        out.append(
            MakeLink(
                path="/etc/systemd/system/multi-user.target.wants/dnsmasq.service", to="/usr/lib/systemd/system/dnsmasq.service"
            )
        )
        out.append(
            WriteFile(
                path="/etc/default/dnsmasq",
                text=_join("CONFIG_DIR=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new", "IGNORE_RESOLVCONF=yes"),
            )
        )
    return tuple(out)
