"""What options of conversions mean, for whichever verb has them."""

import argparse

from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import parse_size
from xeninstall.machine.model import Machine

from ..driver_packages import packages
from ..repaired import Wishes
from ..request import Request
from ..target.password import Password, read_password
from ..vm.model import Mode
from .inventory import cards


def rate(args: argparse.Namespace) -> int | None:
    """`--limit` in bytes a second. Raises UsageError."""
    limit = parse_size(args.limit) if args.limit is not None else None
    if limit == 0:
        raise UsageError("--limit 0 would never end", hint="leave it out, or give a rate such as 50M")
    return limit


def request_of(args: argparse.Namespace, form: str, limit: int | None) -> Request:
    """What is asked of the engine, with images of this format."""
    return Request(
        disks=tuple(args.disks),
        to=args.to,
        format=form,
        everything=args.everything,
        allow_mounted=args.allow_mounted,
        compress=args.compress,
        checksum=args.checksum,
        name=args.name,
        limit=limit,
        resume=args.resume,
        overlay=args.overlay,
        drop=tuple(args.drop),
    )


def wishes_of(args: argparse.Namespace, machine: Machine | None) -> Wishes:
    """What repairs are given. Raises UsageError."""
    mode = getattr(args, "mode", None)
    return Wishes(
        cards(machine),
        packages((args.drivers,) if args.drivers is not None else ()),
        args.drop_hibernation,
        passphrases(args),
        Mode(mode) if mode else None,
    )


def passphrases(args: argparse.Namespace) -> tuple[Password, ...]:
    """What `--unlock` names. Raises UsageError."""
    return tuple(read_password(source, "passphrase of the encrypted volume", "--unlock") for source in args.unlock)
