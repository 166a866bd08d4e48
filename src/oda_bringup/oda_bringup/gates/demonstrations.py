"""The operator whose successes are the demonstrations inserts every training connector."""

from oda_bringup.gates import Request, Result
from oda_bringup.gates.rates import draw, read
from oda_policy.buffer import DEMONSTRATIONS


def measure(request: Request) -> Result:
    """Judge the operator's trials that oda collect counted.

    Raises:
        ConfigError: there are none.
    """
    findings, goal = read(request, DEMONSTRATIONS), request.goals.rate
    who = "the operator who makes the demonstrations"
    return Result(findings, lambda: draw(findings, goal, who), {"bags": str(request.bags)})
