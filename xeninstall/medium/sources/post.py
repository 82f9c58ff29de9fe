"""Answers for a fleet: a server is told what this machine is, and says what it shall become."""

from xeninstall.base.http import exchange
from xeninstall.base.urls import shown_url

from .ask import Ask, Found, answers_in


def find(ask: Ask) -> Found | None:
    """What the server of xeninstall.post answers; None without the word. Raises Error."""
    url = ask.words.post
    if not url:
        return None
    trust, body = ask.trust(), ask.profile().encode()
    ask.tell(f"asking {shown_url(url)} for this machine's answers")
    reply = ask.patiently(lambda: exchange(url, body=body, trust=trust))
    return Found(ask.keep(answers_in(reply, url)), shown_url(url))
