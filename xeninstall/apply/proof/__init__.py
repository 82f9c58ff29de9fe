"""Proves a network before a disk is touched: link, lease or address conflict, gateway, name servers, time servers.

`prove` is the order. `dhcp`, `dns`, `sntp` and `router` are packets as bytes; `wire` has the sockets; `place` puts the
addresses there for the time of a proof.
"""
