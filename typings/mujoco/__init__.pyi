# MuJoCo fills its module at run time from compiled code, so that pyright cannot see its names.
from typing import Any

def __getattr__(name: str) -> Any: ...
