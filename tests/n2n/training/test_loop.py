import dataclasses

import pytest
import torch
from torch import Generator

import nn
import optim
import tape
from n2n import network, training_step
from n2n.errors import InputError
from n2n.noise import Pairs, parse_noise
from n2n.sources import Source, procedural
from n2n.training.diagnosis import NotFiniteError
from n2n.training.loop import Update, begin, train
from n2n.training.scoring import score
from n2n.training.settings import Settings
from n2n.training.state import State

CPU = torch.device("cpu")
SETTINGS = Settings(network="net4", noise="pointsample:2", batch=8, pairs=20, epochs=2, lr=1e-2)


@pytest.fixture(scope="module")
def source() -> Source:
    return procedural(parse_noise(SETTINGS.noise), size=32, count=6, side=64)


def run(source: Source, state: State | None = None, settings: Settings = SETTINGS) -> list[Update]:
    return list(train(settings, source, state or begin(settings, source, CPU)))


def equal(a: object, b: object) -> bool:
    return all(
        torch.equal(torch.as_tensor(x), torch.as_tensor(y))
        for x, y in zip(tape.tree.leaves(a), tape.tree.leaves(b), strict=True)
    )


def test_a_step_agrees_with_torch_autograd_and_adam() -> None:
    net, optimizer = network("net4"), optim.adam(1e-3)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    noisy, target = torch.rand(2, 4, 3, 32, 32, generator=Generator().manual_seed(1))
    theirs = tape.tree.map(lambda p: p.clone().requires_grad_(), params)
    adam = torch.optim.Adam(tape.tree.leaves(theirs), 1e-3)
    step = training_step(net, nn.mse_loss, optimizer)
    state = optimizer.init(params)
    for _ in range(3):
        params, state, loss = step(params, state, noisy, target)
        expected = torch.nn.functional.mse_loss(net.apply(theirs, noisy), target)
        adam.zero_grad()
        expected.backward()
        adam.step()
        torch.testing.assert_close(loss, expected.detach())
    for ours, other in zip(tape.tree.leaves(params), tape.tree.leaves(theirs), strict=True):
        torch.testing.assert_close(ours, other.detach(), rtol=1e-4, atol=1e-6)


def test_a_step_changes_nothing_that_it_is_given() -> None:
    net, optimizer = network("net4"), optim.adam(1e-3)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    given = (params, optimizer.init(params), *torch.rand(2, 4, 3, 32, 32))
    before = tape.tree.map(torch.clone, given)
    training_step(net, nn.mse_loss, optimizer)(*given)
    assert equal(given, before)


def test_more_arguments_of_a_loss_pass_through() -> None:
    net, optimizer = network("net4"), optim.sgd(1.0)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))

    def masked(out: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return ((out - target) ** 2 * mask).mean()

    noisy, target = torch.rand(2, 1, 3, 32, 32)
    step = training_step(net, masked, optimizer)
    after, _, loss = step(params, optimizer.init(params), noisy, target, torch.zeros_like(target))
    assert loss == 0
    assert equal(after, params)


def test_an_epoch_takes_a_last_smaller_batch_and_ends_with_a_score(source: Source) -> None:
    updates = run(source)
    assert [update.score is not None for update in updates] == [False, False, True] * 2
    assert updates[-1].state.step == 6


def test_training_lowers_the_loss(source: Source) -> None:
    updates = run(source, settings=dataclasses.replace(SETTINGS, pairs=400, epochs=1))
    first, last = (sum(u.loss for u in part) / 10 for part in (updates[:10], updates[-10:]))
    assert last < 0.8 * first


def test_the_same_seed_gives_the_same_bits_and_another_does_not(source: Source) -> None:
    once, again = run(source), run(source)
    other = run(source, settings=dataclasses.replace(SETTINGS, seed=1))
    assert equal(once[-1].state, again[-1].state)
    assert not equal(once[-1].state.params, other[-1].state.params)


@pytest.mark.parametrize("average", [None, 0.9])
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_a_run_that_goes_on_ends_in_the_same_bits(source: Source, stop: int, average: float | None) -> None:
    settings = dataclasses.replace(SETTINGS, average=average)
    updates = run(source, settings=settings)
    assert equal(run(source, updates[stop - 1].state, settings)[-1].state, updates[-1].state)


def test_the_average_is_what_is_scored_and_leaves_the_training_as_it_is(source: Source) -> None:
    plain, averaged = run(source), run(source, settings=dataclasses.replace(SETTINGS, average=0.9))
    assert equal(plain[-1].state.params, averaged[-1].state.params)
    state = averaged[-1].state
    assert state.trained is state.average
    assert not equal(state.average, state.params)
    held_out = source.validation(500, Generator().manual_seed(0))
    assert averaged[-1].score == score(network("net4"), state.trained, *held_out, True)
    assert averaged[-1].score != plain[-1].score


def test_a_loss_that_is_not_finite_stops_with_the_step(source: Source) -> None:
    state = begin(SETTINGS, source, CPU)
    broken = tape.tree.map(lambda leaf: leaf * torch.nan, state.params)
    with pytest.raises(InputError, match="nan at step 1"):
        run(source, state._replace(params=broken))


def test_the_score_without_clean_images_is_an_estimate_of_the_one_with() -> None:
    generator = Generator().manual_seed(0)
    clean = torch.linspace(0.2, 0.8, 64).expand(50, 1, 64, 64)
    noisy, other = (clean + 0.05 * torch.randn(clean.shape, generator=generator) for _ in range(2))
    blur = nn.elementwise(lambda x: nn.avg_pool2d(torch.nn.functional.pad(x, (1, 1, 1, 1), "replicate"), 3, 1))
    params = {"unused": torch.zeros(1)}
    known = score(blur, params, noisy, clean, True)
    estimated = score(blur, params, noisy, other, False)
    assert known.mean is not None
    assert estimated.mean is None
    assert abs(known.overall - estimated.overall) < 0.5


def test_a_loss_that_needs_the_batch_whole_gets_it_whole() -> None:
    net, optimizer = network("net4"), optim.sgd(1.0)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    seen = []

    def contrast(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.append(len(out))
        return out.var() - target.var()

    noisy, target = torch.rand(2, 40, 3, 32, 32)
    training_step(net, contrast, optimizer, 16)(params, optimizer.init(params), noisy, target)
    assert sorted(seen) == [8, 16]  # the second of 16 runs the program of the first
    contrast.batch_reduction = "none"  # type: ignore[attr-defined]
    seen.clear()
    training_step(net, contrast, optimizer, 16)(params, optimizer.init(params), noisy, target)
    assert seen == [40]


@dataclasses.dataclass(frozen=True)
class Given:
    """A source of the same pairs at every step."""

    pairs: Pairs
    has_clean = True
    shape = (3, 32, 32)

    def draw(self, count: int, generator: Generator) -> Pairs:
        return Pairs(*(None if part is None else part[:count] for part in self.pairs))  # type: ignore[arg-type]

    def validation(self, count: int, generator: Generator) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pairs.noisy, self.pairs.target


def test_a_nan_among_the_pictures_stops_with_the_step_and_says_so() -> None:
    noisy, target = torch.rand(2, 8, 3, 32, 32, generator=Generator().manual_seed(0))
    noisy[5, 1, 2, 3] = torch.nan
    with pytest.raises(NotFiniteError, match=r"nan at step 1, .* 1 of its 8 noisy images hold"):
        run(Given(Pairs(noisy, target)))


def test_what_was_not_measured_is_not_trained_on() -> None:
    noisy, target = torch.rand(2, 8, 3, 32, 32, generator=Generator().manual_seed(0))
    mask = (torch.rand(8, 1, 32, 32, generator=Generator().manual_seed(1)) < 0.5).float()
    junk = torch.where(mask == 1, target, 100.0)
    states = [run(Given(Pairs(noisy, each, mask)))[-1].state for each in (target, junk)]
    assert equal(*states)
    assert not equal(states[0].params, run(Given(Pairs(noisy, target)))[-1].state.params)


def test_the_power_of_l0_falls_with_the_steps(source: Source) -> None:
    """At the last step but none it is not 0 yet, and the first loss is the squared one."""
    squared, annealed = (run(source, settings=dataclasses.replace(SETTINGS, loss=loss)) for loss in ("l2", "l0"))
    assert annealed[0].loss == pytest.approx(squared[0].loss, rel=1e-4)
    assert annealed[-1].loss > 3 * squared[-1].loss


def test_progress_is_that_of_the_whole_training_where_it_goes_on(source: Source) -> None:
    settings = dataclasses.replace(SETTINGS, loss="l0")
    updates = run(source, settings=settings)
    assert equal(run(source, updates[2].state, settings)[-1].state, updates[-1].state)
