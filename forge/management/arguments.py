"""Types of command line arguments."""

import ipaddress
from argparse import ArgumentTypeError


def port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        raise ArgumentTypeError("give a number from 0 to 65535")
    return int(text)


def count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise ArgumentTypeError("give a number from 1 to 64")
    return int(text)


def address(text: str) -> str:
    """Return an IP address in its usual form; `localhost` is 127.0.0.1."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text.strip("[]")))
    except ValueError as error:
        raise ArgumentTypeError("give an IP address: 0.0.0.0 is every IPv4 address of this machine") from error
