"""Template and list: a checked file for each machine, or all mistakes of all machines at once, each where it is mended."""

from pathlib import Path

import pytest

from tests.given import KEY
from xeninstall.answers.fleet.render import Fleet, FleetError, render
from xeninstall.answers.load import check, load

EXAMPLES = Path(__file__).parents[3] / "xeninstall/examples/fleet"
HEAD = f'[disk]\nserial = "{{disk}}"\nerase = true\n[root]\npassword_hash = "!"\nssh_keys = ["{KEY}"]\n'


def rendered(tmp_path: Path, template: str, machines: str) -> Fleet:
    (tmp_path / "t.toml").write_text(template)
    (tmp_path / "m.csv").write_text(machines)
    return render(tmp_path / "t.toml", tmp_path / "m.csv")


def mistakes(tmp_path: Path, template: str, machines: str) -> list[str]:
    with pytest.raises(FleetError) as error:
        rendered(tmp_path, template, machines)
    return error.value.message.replace(f"{tmp_path}/", "").splitlines()


def test_the_examples_give_a_checked_file_for_each_machine(tmp_path: Path) -> None:
    fleet = render(EXAMPLES / "template.toml", EXAMPLES / "machines.csv")
    assert not fleet.unused
    assert [[str(path) for path in one.paths] for one in fleet.machines] == [
        ["serial/EX-0001.toml", "mac/52-54-00-00-00-01.toml"],
        ["serial/EX-0002.toml", "mac/52-54-00-00-00-02.toml"],
        ["serial/VMware-56-4d-0a.toml", "mac/52-54-00-00-00-03.toml"],
    ]
    for one in fleet.machines:
        path = tmp_path / "one.toml"
        path.write_text(one.text)
        assert check(path) == [] and load(path) == one.answers
    assert [one.answers.network.vlan for one in fleet.machines] == [None, None, 120]


def test_all_mistakes_of_all_machines_come_at_once_each_at_its_line(tmp_path: Path) -> None:
    template = (
        HEAD + '[network.ipv4]\nmethod = "static"\naddress = "{ip}/24"\ngateway = "192.0.2.1"\n[host]\nname = "{name}"\nnam = 1\n'
    )
    machines = "serial,ip,name,disk\nA,192.0.2.11,a,D1\nB,192.0.2.x,b_,D2\nC,192.0.3.1,c,D3\nA,192.0.2.11,d,D4\n"
    assert mistakes(tmp_path, template, machines) == [
        "t.toml:10: network.ipv4.gateway: 192.0.2.1 is outside the subnet 192.0.3.0/24; give a gateway inside it, or correct "
        "the address or its prefix (machine of line 4)",
        "t.toml:13: host.nam: unknown key; did you mean name?",
        "m.csv:3: host.name (column name): 'b_' is not a host name; use 1 to 63 letters, digits and hyphens, without a hyphen "
        "at either end (RFC 1123)",
        "m.csv:3: network.ipv4.address (column ip): '192.0.2.x/24' is not an IPv4 address with its prefix; write it like "
        "192.0.2.10/24",
        "m.csv:5: network.ipv4.address: 192.0.2.11 is the address of the machine in line 2, too; give each its own",
        "m.csv:5: serial: A is the machine of line 2 already; correct one of them",
    ]


def test_mistakes_of_both_files_come_together(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "[disk\n", "name\nx\n") == [
        "t.toml:1: no ] after the table's name; write [table]",
        "m.csv:1: neither a column serial nor mac; add one, which tells the machines apart",
    ]


def test_a_password_file_is_hashed_once_and_stdin_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("fleet secret 1\n")
    (tmp_path / "pw").chmod(0o600)
    template = '[disk]\nserial = "{disk}"\nerase = true\n[root]\npassword_file = "pw"\n'
    fleet = rendered(tmp_path, template, "serial,disk\nA,D1\nB,D2\n")
    hashes = {one.answers.root.password_hash.get_secret_value() for one in fleet.machines if one.answers.root.password_hash}
    assert len(hashes) == 1 and all(next(iter(hashes)) in one.text and "fleet secret" not in one.text for one in fleet.machines)
    wrong = template.replace('password_file = "pw"', "password_stdin = true")
    assert mistakes(tmp_path, wrong, "serial,disk\nA,D1\n") == [
        "t.toml:5: root.password_stdin: nobody is at a machine's standard input; use password_file, which is hashed now, or "
        "password_hash"
    ]


def test_packs_keep_the_names_that_the_machine_looks_for(tmp_path: Path) -> None:
    template = HEAD + '[[packs]]\nsource = "packs/{kind}.tar"\nallow_unsigned = true\n'
    fleet = rendered(tmp_path, template, "serial,disk,kind\nA,D1,raid\n")
    assert 'source = "packs/raid.tar"' in fleet.machines[0].text


def test_a_column_that_nobody_uses_is_told(tmp_path: Path) -> None:
    assert rendered(tmp_path, HEAD, "serial,disk,rack\nA,D1,7\n").unused == ("rack",)


def test_a_list_item_from_a_column_is_the_machines_fault(tmp_path: Path) -> None:
    template = HEAD + '[dns]\nmode = "servers"\nservers = ["192.0.2.53", "{dns:list}"]\n'
    found = mistakes(tmp_path, template, "serial,disk,dns\nA,D1,192.0.2.54 x\n")
    assert found == ["m.csv:2: dns.servers[2] (column dns): 'x' is not an IP address; write it like 192.0.2.53 or 2001:db8::53"]


def test_thousands_of_machines_take_a_moment(tmp_path: Path) -> None:
    lines = "".join(f"S{number},D{number}\n" for number in range(2000))
    assert len(rendered(tmp_path, HEAD, f"serial,disk\n{lines}").machines) == 2000
