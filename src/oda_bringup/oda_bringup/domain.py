"""One ODA graph per ROS domain: two of them would command each other's robot."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oda_core.errors import SessionError

LISTEN_S = 2.5  # discovery took up to 2.4 s on two cores under load


def domain_id() -> int:
    """The domain that ROS_DOMAIN_ID names; 0 by default, as for every ROS tool.

    Raises:
        SessionError: it is not a number that DDS can use.
    """
    text = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not text.isdecimal() or int(text) > 232:
        raise SessionError(f"ROS_DOMAIN_ID: found {text!r}, expected a number from 0 to 232")
    return int(text)


def stay_on_this_host() -> None:
    """Keep DDS on this host unless the user asks otherwise."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@contextmanager
def claimed_domain(listen_s: float = LISTEN_S) -> Iterator[Callable[[], None]]:
    """Hold this domain for one graph while the context lasts.

    A second claim on this host is refused at once by the kernel (an abstract socket, which ends
    with its process). Nodes that were started otherwise are looked for meanwhile.

    Yields:
        A function to call before nodes are started; it waits for the search.

    Raises:
        SessionError: another graph is on the domain; the function raises it too.
    """
    number = domain_id()
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0oda-graph-on-domain-{number}")
        except OSError as error:
            raise SessionError(_taken(number, "it was started on this host")) from error
        argv = [sys.executable, "-m", "oda_bringup.probe", str(listen_s)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as search:
            try:
                yield lambda: _confirm(search, number)
            finally:
                search.kill()


def _confirm(search: subprocess.Popen[str], number: int) -> None:
    found = search.communicate()[0].split()
    if search.returncode != 0:
        raise SessionError(
            f"ROS domain {number}: cannot be searched for other graphs (see above); is ROS 2 "
            "sourced? Source scripts/env.sh"
        )
    if found:
        raise SessionError(_taken(number, f"its nodes are {', '.join(found)}"))


def _taken(number: int, detail: str) -> str:
    other = number + 1 if number < 232 else 0
    return (
        f"ROS domain {number}: another ODA graph is running ({detail}); stop it, or give this one "
        f"a domain of its own with ROS_DOMAIN_ID={other}"
    )
