"""What may be shown of a URL."""

import pytest

from xeninstall.base.urls import is_url, shown_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://root:MARKER@fleet.example.org:8443/a/b?token=MARKER#MARKER", "https://fleet.example.org:8443/a/b"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x"),
        ("https://MARKER:port/", "the URL"),
        ("http://[MARKER/", "the URL"),
    ],
)
def test_users_passwords_and_queries_are_not_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_urls_inside_of_a_text_lose_their_secrets_too() -> None:
    line = 'a=https://u:MARKER@h/p b="http://MARKER@h/?MARKER=1" c=https://h/x#MARKER user@host plain'
    assert without_secrets(line) == 'a=https://h/p b="http://h/?…" c=https://h/x?… user@host plain'


def test_a_path_is_no_url() -> None:
    assert is_url("ftp://x") and not is_url("/a/b") and not is_url("LABEL=X:/a://b")
