import torch

from n2n.bench.rows import FASTER_EAGER, rows

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_every_row_of_a_cpu_has_a_goal_against_the_faster_eager() -> None:
    assert all(any(goal.against == FASTER_EAGER for goal in row.goals) for row in rows(CPU).values())
    assert all(any(goal.against == "JAX jit" for goal in row.goals) for row in rows(CPU).values() if row.work == "step")


def test_goals_of_time_are_a_cpus() -> None:
    assert not any(row.goals or row.first_call for row in rows(CUDA).values())
    assert {row.memory for row in rows(CUDA).values()} == {None, 1.0}
    assert rows(CUDA)["net4-4096"].batch == 4096


def test_titles_say_what_is_worked_on() -> None:
    titles = {name: row.title for name, row in rows(CPU).items()}
    assert titles["net4-10"] == "net4, batch 10"
    assert titles["unet"] == "unet 64×64, batch 8"
    assert titles["inference"] == "unet 1024×1024, one picture"
