"""The differential fuzzer: random programs of primitives, against torch's autograd."""

from tape.verify.fuzz.comparing import Disagreement as Disagreement
from tape.verify.fuzz.comparing import OracleError as OracleError
from tape.verify.fuzz.comparing import compare as compare
from tape.verify.fuzz.program import Program as Program
from tape.verify.fuzz.running import Fault as Fault
from tape.verify.fuzz.running import Report as Report
from tape.verify.fuzz.running import fuzz as fuzz
