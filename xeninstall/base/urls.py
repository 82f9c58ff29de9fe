"""URLs for people: what may be shown of one, since users and tokens are often written into them."""

import re
from urllib.parse import urlsplit

_SECRET_WORD = re.compile(r"(https?://)[^\s\"'/@]*@")
_QUERY = re.compile(r"(https?://[^\s\"'?#]*)[?#][^\s\"']*")


def is_url(text: str) -> bool:
    """Whether this is meant as a URL and not as a path: any scheme counts, so that a wrong one is refused in words."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def shown_url(url: str) -> str:
    """Scheme, host and path: without user, password, query and fragment, all of which may be secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the URL"
    if not parts.scheme or not host:
        return "the URL"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def without_secrets(text: str) -> str:
    """A text with every URL in it as `shown_url` shows it: a kernel command line, a log line of another program."""
    return _QUERY.sub(r"\1?…", _SECRET_WORD.sub(r"\1", text))
