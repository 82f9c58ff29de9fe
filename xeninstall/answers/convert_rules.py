"""The rules of a conversion that span more than one key."""

from collections.abc import Iterator

from .breach import Breach, Rule, repeated
from .convert import ImageFormat
from .network import DnsMode
from .sections import INSTALLATION, Sections

_COMPRESSED = (ImageFormat.QCOW2, ImageFormat.VMDK)
_MEMORY_MINIMUM_BYTES = 64 * 2**20


def _needed(sections: Sections) -> Iterator[Breach]:
    if sections.convert.name is None:
        yield Breach(("convert", "name"), "missing, and flow convert needs it", 'write name = "old-server"')
    if sections.convert.target is None:
        yield Breach(("convert", "target"), "missing, and flow convert needs it", 'write target = "LABEL=BACKUP:/machines"')


def _of_an_installation(sections: Sections) -> Iterator[Breach]:
    """Whoever wrote those may have meant to install: nothing is guessed."""
    for name in INSTALLATION:
        if getattr(sections, name) != Sections.model_fields[name].default:
            yield Breach((name,), "given although the flow is convert", 'leave it out, or set flow = "install"')


def _network(sections: Sections) -> Iterator[Breach]:
    if sections.dns.mode is DnsMode.SERVE:
        yield Breach(("dns", "mode"), "serve, but a conversion serves nobody", "write dhcp or servers")


def _one_name_a_source(sections: Sections) -> Iterator[Breach]:
    taken: set[tuple[str, str]] = set()
    for index, source in enumerate(sections.convert.source):
        given = [(key, value) for key in ("serial", "wwn", "path") if (value := getattr(source, key)) is not None]
        if not given:
            yield Breach(("convert", "source", index), "names no disk", "give its serial, wwn or path")
        for key, _ in given[1:]:
            yield Breach(("convert", "source", index, key), f"the disk is named by {given[0][0]} already", "keep one of the two")
        if given and given[0] in taken:
            yield Breach(("convert", "source", index, given[0][0]), f"{given[0][1]} is given twice", "leave one of them out")
        taken.update(given[:1])


def _cards(sections: Sections) -> Iterator[Breach]:
    for breach in repeated(("convert", "nics"), [one.nic for one in sections.convert.nics]):
        yield Breach((*breach.location, "nic"), breach.what, breach.remedy)


def _dropped(sections: Sections) -> Iterator[Breach]:
    yield from repeated(("convert", "drop"), sections.convert.drop)


def _compression(sections: Sections) -> Iterator[Breach]:
    form = sections.convert.format
    if sections.convert.compress and form not in _COMPRESSED:
        yield Breach(("convert", "compress"), f"given, but {form.value} is not compressed", "write qcow2 or vmdk as the format")


def _hibernation(sections: Sections) -> Iterator[Breach]:
    if sections.convert.drop_hibernation and not sections.convert.repair:
        what = "given although nothing is repaired"
        yield Breach(("convert", "drop_hibernation"), what, "set convert.repair = true, or leave it out")


def _passphrases(sections: Sections) -> Iterator[Breach]:
    yield from repeated(("convert", "unlock"), sections.convert.unlock)
    if sections.convert.unlock and not sections.convert.repair:
        what = "given although nothing is repaired"
        yield Breach(("convert", "unlock"), what, "set convert.repair = true, or leave it out")


def _drivers(sections: Sections) -> Iterator[Breach]:
    yield from repeated(("convert", "drivers"), sections.convert.drivers)
    if sections.convert.drivers and not sections.convert.repair:
        what = "given although nothing is repaired"
        yield Breach(("convert", "drivers"), what, "set convert.repair = true, or leave it out")


def _marker(sections: Sections) -> Iterator[Breach]:
    if sections.convert.test_marker is not None and not sections.convert.test_boot:
        what = "given although nothing is started"
        yield Breach(("convert", "test_marker"), what, "set convert.test_boot = true, or leave it out")


def _host(sections: Sections) -> Iterator[Breach]:
    """What only a host can be told, and what only a folder can do."""
    wanted = sections.convert
    if wanted.target is None:
        return
    if wanted.discard and not wanted.target.startswith("ssh://"):
        what = "given, but only a xeninstall host keeps what a stopped conversion left"
        yield Breach(("convert", "discard"), what, "leave it out, or write a target like ssh://host")
    if "://" in wanted.target and not wanted.target.startswith("nfs://"):
        if wanted.test_boot and not wanted.target.startswith(("ssh://", "xapi://", "libvirt+ssh://")):
            what = "given, but a trial start is made by hosts over ssh://, xapi:// or libvirt+ssh://, and of images in a folder"
            yield Breach(("convert", "test_boot"), what, "leave it out, and start the machine there")
        return
    for key in ("host_key", "ca", "identity", "password_file", "start"):
        if getattr(wanted, key):
            yield Breach(
                ("convert", key), "given although the target is a folder", "leave it out, or write a target like ssh://host"
            )


def _memory(sections: Sections) -> Iterator[Breach]:
    memory = sections.convert.memory
    if memory != "auto" and memory < _MEMORY_MINIMUM_BYTES:
        yield Breach(("convert", "memory"), "too little for a virtual machine", 'give at least "64M"')


def _limit(sections: Sections) -> Iterator[Breach]:
    if sections.convert.limit == 0:
        yield Breach(("convert", "limit"), "0 would never end", "leave it out, or give a rate such as 50M")


def _scripts(sections: Sections) -> Iterator[Breach]:
    for key in ("before_disk", "installed", "first_boot"):
        if getattr(sections.hooks, key) is not None:
            yield Breach(("hooks", key), "given although the flow is convert, which runs no script", "leave it out")


# Like RULES of an installation: each rule, and the keys whose validity it stands on.
CONVERT_RULES: tuple[tuple[Rule, *tuple[str, ...]], ...] = (
    (_needed,),
    (_of_an_installation,),
    (_network, "dns.mode"),
    (_one_name_a_source,),
    (_cards, "convert.nics"),
    (_dropped, "convert.drop"),
    (_compression, "convert.format"),
    (_hibernation, "convert.repair"),
    (_passphrases, "convert.repair"),
    (_drivers, "convert.repair"),
    (_marker, "convert.test_boot"),
    (_host, "convert.target"),
    (_memory,),
    (_limit,),
    (_scripts,),
)
