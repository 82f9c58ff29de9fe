"""How root gets in."""

from typing import Any

from xeninstall.answers.fields import is_ssh_key
from xeninstall.host.tree import Tree
from xeninstall.plan.identity import AUTHORIZED_KEYS


def read(tree: Tree) -> dict[str, Any] | None:
    """The hash that stands in /etc/shadow, as far as root may read it, and the keys. It is a secret: it goes nowhere but back."""
    lines = (tree.text("/etc/shadow") or "").splitlines()
    found = next((line.split(":")[1] for line in lines if line.startswith("root:")), "")
    keys = [line.strip() for line in (tree.text(AUTHORIZED_KEYS) or "").splitlines() if is_ssh_key(line.strip())]
    out: dict[str, Any] = {"password_hash": found if found.startswith("$") else "!"}
    return out | ({"ssh_keys": keys} if keys else {})
