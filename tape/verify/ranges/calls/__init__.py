"""How each function of the engine's is called when its range is walked: one line a call, in families."""

from tape.verify.ranges.calls.elementwise import ELEMENTWISE
from tape.verify.ranges.calls.moving import MOVING
from tape.verify.ranges.calls.multiplying import MULTIPLYING
from tape.verify.ranges.calls.reducing import REDUCING

__all__ = ["CALLS"]

CALLS = (*ELEMENTWISE, *REDUCING, *MULTIPLYING, *MOVING)
