"""Mutation testing: small errors put into the rules and the engine, which verification must notice."""

from tape.verify.mutants.judging import Judge as Judge
from tape.verify.mutants.judging import by_differences as by_differences
from tape.verify.mutants.judging import by_properties as by_properties
from tape.verify.mutants.judging import by_rooms as by_rooms
from tape.verify.mutants.judging import by_tests as by_tests
from tape.verify.mutants.running import Outcome as Outcome
from tape.verify.mutants.running import judge_mutants as judge_mutants
from tape.verify.mutants.running import run_mutants as run_mutants
from tape.verify.mutants.sites import Mutant as Mutant
from tape.verify.mutants.sites import engine_mutants as engine_mutants
from tape.verify.mutants.sites import rule_mutants as rule_mutants
