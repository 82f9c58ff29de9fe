"""Root's login: the password never leaves the screen but as a hash; keys typed, from a file, or by https."""

import asyncio
import ctypes
import urllib.request
from pathlib import Path

import pytest

from tests.wizard.driving import driven, press_act, session, settle, type_text
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.base.errors import UsageError
from xeninstall.wizard import ssh_keys
from xeninstall.wizard.kit import Session, Step
from xeninstall.wizard.steps.root import Root

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2 ada@example.org"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDUYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2 bob@example.org"
PASSWORD = "correct horse battery"


def test_a_password_becomes_a_hash_and_is_never_shown() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Root) as (pilot, _):
            golden(pilot, "root")
            await type_text(pilot, PASSWORD)
            await pilot.press("tab")
            await type_text(pilot, PASSWORD)
            await settle(pilot)
            assert "horse" not in words_of(pilot)
            golden(pilot, "root-typed")
            hashed = given.draft.get("root.password_hash")
        assert _matches(PASSWORD, hashed)
        assert PASSWORD not in repr(vars(given)) + repr(given.shelf)
        assert Root.summary(given) == "a password"
        assert not Root.problems(given)

    asyncio.run(run())


def test_next_waits_for_the_hash() -> None:
    class After(Step):
        NAME = "after"

        @classmethod
        def heading(cls) -> str:
            return "after"

        def body(self):  # type: ignore[no-untyped-def] # noqa: ANN202
            yield from ()

    async def run() -> None:
        given = session()
        async with driven(given, Root, After) as (pilot, _):
            await type_text(pilot, PASSWORD)
            await pilot.press("tab")
            await type_text(pilot, PASSWORD)
            await pilot.press("ctrl+n")
            await settle(pilot)
            assert isinstance(pilot.app.screen, After)
        assert given.draft.get("root.password_hash")

    asyncio.run(run())


def test_two_that_differ_are_refused_and_one_on_its_way_is_not() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Root, no_color=True) as (pilot, step):
            await type_text(pilot, "short")
            assert "the password has only 5 characters; give at least 8" in words_of(pilot)
            await type_text(pilot, "er no more")
            await pilot.press("tab")
            await type_text(pilot, "shorter")
            assert text_of(pilot)[20] == ""
            await type_text(pilot, "x")
            assert "the two are not the same; type the password twice" in words_of(pilot)
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            golden(pilot, "root-differ-none")
            assert not given.draft.given("root.password_hash")

    asyncio.run(run())


def test_nobody_could_log_in_is_said_on_next() -> None:
    async def run() -> None:
        async with driven(session(), Root) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "nobody could log in; give a password or an SSH key" in words_of(pilot)

    asyncio.run(run())


def test_another_visit_knows_the_password_is_set_and_half_a_new_one_is_none() -> None:
    async def run() -> None:
        given = session(data={"root": {"password_hash": "$y$j9T$" + "x" * 22 + "$" + "y" * 43}})
        async with driven(given, Root) as (pilot, _):
            assert "A password is set; type to replace it." in words_of(pilot)
            await type_text(pilot, "new")
        assert not given.draft.given("root.password_hash")
        async with driven(given, Root) as (pilot, _):
            assert "No password is set." in words_of(pilot)

    asyncio.run(run())


async def _add(given: Session, typed: str) -> tuple[str, list[str]]:
    async with driven(given, Root) as (pilot, step):
        step.query_one("#key").query_one("Line").value = typed  # type: ignore[attr-defined]
        await pilot.pause()
        await press_act(pilot, "add")
        await settle(pilot)
        return words_of(pilot), text_of(pilot)


def test_a_key_is_pasted_shown_by_its_fingerprint_and_taken_out_again() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Root) as (pilot, step):
            step.query_one("#key").query_one("Line").focus()
            step.query_one("#key").query_one("Line").value = KEY  # type: ignore[attr-defined]
            await pilot.pause()
            await pilot.press("enter", "enter")
            await pilot.pause()
            assert given.draft.get("root.ssh_keys") == [KEY]
            golden(pilot, "root-key")
            assert Root.summary(given) == "no password, 1 SSH key"
            assert not Root.problems(given)
            step.query_one("#keys").focus()
            await pilot.press("space")
            await pilot.pause()
            assert not given.draft.given("root.ssh_keys")

    asyncio.run(run())


def test_keys_come_from_a_file_and_each_only_once(tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").write_text(f"# ours\n{KEY}\n\n{OTHER}\n")
    given = session(data={"root": {"ssh_keys": [KEY]}})
    asyncio.run(_add(given, str(tmp_path / "authorized_keys")))
    assert given.draft.get("root.ssh_keys") == [KEY, OTHER]


def test_keys_come_by_https_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_keys, "fetched", lambda place: [KEY] if place == "https://example.org/ada.keys" else [])
    given = session()
    asyncio.run(_add(given, "https://example.org/ada.keys"))
    assert given.draft.get("root.ssh_keys") == [KEY]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hello", "not an OpenSSH public key; paste the one line of the .pub file"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "this is a private key; give the public half"),
        ("/no/such/file", "/no/such/file cannot be read: No such file or directory"),
        ("http://example.org/key", "the key could be exchanged on its way here; give an https address, or a file"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(typed: str, said: str) -> None:
    given = session()
    assert said in asyncio.run(_add(given, typed))[0]
    assert not given.draft.given("root.ssh_keys")


def test_a_key_that_was_typed_and_not_added_is_not_forgotten_silently() -> None:
    async def run() -> None:
        given = session(data={"root": {"ssh_keys": [OTHER]}})
        async with driven(given, Root) as (pilot, step):
            step.query_one("#key").query_one("Line").value = KEY  # type: ignore[attr-defined]
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "A key is typed and not added" in words_of(pilot)

    asyncio.run(run())


def test_an_address_that_leads_away_from_https_is_refused() -> None:
    handler = ssh_keys._HttpsOnly()
    request = urllib.request.Request("https://example.org/key")
    with pytest.raises(UsageError, match="leads to an address without https"):
        handler.redirect_request(request, None, 302, "Found", None, "http://example.org/key")  # type: ignore[arg-type]


def _matches(password: str, hashed: str) -> bool:
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return bool(library.crypt(password.encode(), hashed.encode()) == hashed.encode())
