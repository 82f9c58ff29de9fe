"""Who the host is and who may enter: name, keyboard, root's login, SSH, firewall."""

from xeninstall.answers.model import DnsMode

from .model import Action, MakeLink, RunInHost, SetRootPassword, WriteFile
from .network import BRIDGE
from .wanted import Host

AUTHORIZED_KEYS = "/root/.ssh/authorized_keys"
NFTABLES = "/etc/nftables.conf"


def name(wanted: Host) -> tuple[Action, ...]:
    """/etc/hostname and /etc/hosts; static addresses answer to the name, otherwise 127.0.1.1 does."""
    host = wanted.answers.host
    names = f"{wanted.fqdn} {host.name}" if host.domain else host.name
    # dnsmasq serves /etc/hosts to everybody, and nobody else can use 127.0.1.1.
    local = () if wanted.answers.dns.mode is DnsMode.SERVE else ("127.0.1.1",)
    own = "".join(f"{address} {names}\n" for address in wanted.static_addresses or local)
    ip6 = "::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
    hosts = f"127.0.0.1 localhost\n{own}\n{ip6}"
    return (WriteFile(path="/etc/hostname", text=host.name + "\n"), WriteFile(path="/etc/hosts", text=hosts))


def keyboard(wanted: Host) -> tuple[Action, ...]:
    """console-setup's file, and its cached key map that the early boot reads."""
    wish = wanted.answers.keyboard
    text = f'XKBMODEL="pc105"\nXKBLAYOUT="{wish.layout}"\nXKBVARIANT="{wish.variant}"\nXKBOPTIONS=""\n\nBACKSPACE="guess"\n'
    return (
        WriteFile(path="/etc/default/keyboard", text=text),
        RunInHost(argv=("setupcon", "--save-only"), why="the key map that the early boot loads"),
    )


def accounts(wanted: Host) -> tuple[Action, ...]:
    """Root's password hash and SSH keys; with keys, SSH takes no password."""
    root = wanted.answers.root
    out: list[Action] = []
    if root.password_hash is not None:
        out.append(SetRootPassword(hash=root.password_hash))
    if root.ssh_keys:
        out.append(WriteFile(path=AUTHORIZED_KEYS, text="".join(key + "\n" for key in root.ssh_keys), mode=0o600))
    permit = "prohibit-password" if root.ssh_keys else "yes"
    out.append(
        WriteFile(path="/etc/ssh/sshd_config.d/xeninstall.conf", text=f"# Written by xeninstall.\nPermitRootLogin {permit}\n")
    )
    return tuple(out)


def firewall(wanted: Host) -> tuple[Action, ...]:
    """nftables: SSH, what was chosen, answers to what the host asks, and nothing else. Guests' bridged traffic passes."""
    opened = {"tcp": {22}, "udp": set[int]()}
    for rule in wanted.answers.firewall.open:
        protocol, port = rule.split("/")
        opened[protocol].add(int(port))
    if wanted.answers.dns.mode is DnsMode.SERVE:
        opened["tcp"].add(53)
        opened["udp"].add(53)
    rules = "".join(
        f"\t\t{protocol} dport {{ {', '.join(str(port) for port in sorted(ports))} }} accept\n"
        for protocol, ports in opened.items()
        if ports
    )
    text = f"""#!/usr/sbin/nft -f
# Written by xeninstall.

flush ruleset

table inet filter {{
\tchain input {{
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tct state invalid drop
\t\tiifname "lo" accept
\t\tip protocol icmp accept
\t\tmeta l4proto icmpv6 accept
\t\tiifname "{BRIDGE}" udp sport 547 udp dport 546 accept
{rules}\t}}
}}
"""
    return (
        WriteFile(path=NFTABLES, text=text, mode=0o755),
        MakeLink(path="/etc/systemd/system/sysinit.target.wants/nftables.service", to="/usr/lib/systemd/system/nftables.service"),
    )
