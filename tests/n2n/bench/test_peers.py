"""All contenders do the same work: else their times are not to be compared."""

from collections.abc import Container
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from n2n.bench.architecture import architectures
from n2n.bench.peers import absent, chains, denoisers, trainers
from n2n.bench.peers.torch_modules import TorchModules
from n2n.bench.problem import Problem, problem
from n2n.bench.rows import rows
from tape import tree

CPU = torch.device("cpu")
PEERS = ["torch", "torch channels-last", "JAX jit"]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def small(network: str, device: torch.device = CPU) -> Problem:
    return problem(network, 32, 3, seed=0, device=device)


def needs(name: str, known: Container[str]) -> None:
    if name not in known:
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize("network", architectures)
@pytest.mark.parametrize("peer", PEERS)
def test_a_peers_loss_gradients_and_step_are_ours(peer: str, network: str) -> None:
    makers = trainers(CPU)
    needs(peer, makers)
    given = small(network)
    ours, theirs = makers["tape"](given), makers[peer](given)
    ours.step()
    theirs.step()
    theirs.wait()
    assert theirs.loss() == pytest.approx(ours.loss(), rel=1e-5)
    before = tree.leaves(given.params)
    for parameter, own, other in zip(before, ours.gradients(), theirs.gradients(), strict=True):
        assert own.shape == other.shape == parameter.shape
        torch.testing.assert_close(other, own, rtol=1e-4, atol=float(1e-5 * own.abs().max()))
    for parameter, own, other in zip(before, ours.parameters(), theirs.parameters(), strict=True):
        assert not torch.equal(own, parameter)
        # Adam's first update is the gradient's sign times the rate, and rounding decides the sign of one near zero.
        differs = (own - other).abs() > 1e-6
        assert differs.float().mean() < 1e-3


@pytest.mark.parametrize("peer", PEERS)
def test_further_steps_go_on_from_the_last(peer: str) -> None:
    makers = trainers(CPU)
    needs(peer, makers)
    ours, theirs = (makers[name](small("net4")) for name in ("tape", peer))
    losses = []
    for _ in range(4):
        for trainer in (ours, theirs):
            trainer.step()
        losses.append(ours.loss())
        assert theirs.loss() == pytest.approx(ours.loss(), rel=1e-5)
    assert losses == sorted(losses, reverse=True)
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(other, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("peer", ["tape", *PEERS])
def test_a_trainer_takes_its_steps_on_the_batch_that_it_is_fed(peer: str) -> None:
    makers = trainers(CPU)
    needs(peer, makers)
    one, other = small("net4"), problem("net4", 32, 5, seed=1, device=CPU)
    fed = makers[peer](one)
    fed.feed(other.noisy, other.target)
    fed.step()
    direct = makers[peer](Problem("net4", one.params, other.noisy, other.target))
    direct.step()
    assert fed.loss() == direct.loss()


@pytest.mark.parametrize("peer", ["tape", *PEERS])
def test_contenders_leave_the_problem_as_it_is(peer: str) -> None:
    makers = trainers(CPU)
    needs(peer, makers)
    given = small("net4")
    before = [leaf.clone() for leaf in (*tree.leaves(given.params), given.noisy, given.target)]
    trainer = makers[peer](given)
    for _ in range(2):
        trainer.step()
    trainer.wait()
    for leaf, was in zip((*tree.leaves(given.params), given.noisy, given.target), before, strict=True):
        assert torch.equal(leaf, was)


@pytest.mark.parametrize("peer", ["tape compiled", "torch autograd", "torch.func", "HIPS autograd"])
def test_the_chains_value_and_gradient_are_ours(peer: str) -> None:
    contenders = chains(0, CPU)
    needs(peer, contenders)
    results = []
    for name in ("tape", peer):
        contenders[name].step()
        results.append(contenders[name].result())
    torch.testing.assert_close(results[0], results[1])
    assert results[0][1].shape == (10,)


@pytest.mark.parametrize("peer", ["torch", "torch channels-last"])
def test_a_picture_is_denoised_as_by_us(peer: str) -> None:
    given = problem("unet", 64, 1, seed=0, device=CPU)
    makers = denoisers()
    ours, theirs = makers["tape"](given), makers[peer](given)
    for denoiser in (ours, theirs):
        denoiser.step()
    assert theirs.result().shape == (3, 64, 64)
    assert theirs.result().std() > 1e-4
    torch.testing.assert_close(theirs.result().contiguous(), ours.result(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", denoisers())
def test_a_denoiser_works_on_the_picture_that_it_is_fed(name: str) -> None:
    one, other = (problem("unet", 32, 1, seed=seed, device=CPU) for seed in (0, 1))
    fed = denoisers()[name](one)
    fed.feed(other.noisy, other.target)
    fed.step()
    direct = denoisers()[name](Problem("unet", one.params, other.noisy, other.target))
    direct.step()
    torch.testing.assert_close(fed.result(), direct.result())


def test_peers_that_are_not_installed_are_said_to_be_absent() -> None:
    assert set(absent(CPU)) == {
        name for name, package in (("JAX", "jax"), ("HIPS autograd", "autograd")) if not find_spec(package)
    }


def test_rows_name_networks_that_every_peer_can_build() -> None:
    assert {row.network for row in rows(CPU).values()} == set(architectures)


def test_torch_compile_takes_part_on_a_cpu_where_it_is_asked_for() -> None:
    assert "torch.compile" not in trainers(CPU)
    assert "torch.compile" in trainers(CPU, compiling=True)


def test_each_compiled_peer_is_compiled_however_many_were_before() -> None:
    compiled = []

    def compiler(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    for batch in range(1, 12):
        TorchModules(problem("net4", 32, batch, seed=0, device=CPU), compiler=compiler).step()
        assert len(compiled) == batch


def test_the_compiled_peer_is_the_eager_one_compiled() -> None:
    given = small("net4")
    eager, traced = TorchModules(given), TorchModules(given, compiler="eager")
    for trainer in (eager, traced):
        trainer.step()
    assert traced.loss() == pytest.approx(eager.loss(), rel=1e-6)


@needs_gpu
@pytest.mark.parametrize("network", architectures)
def test_a_step_on_a_gpu_is_the_cpus_and_never_waits_for_it(network: str) -> None:
    device = torch.device("cuda")
    here, there = trainers(CPU)["tape"](small(network)), trainers(device)["tape"](small(network, device))
    here.step()
    there.step()
    assert there.loss() == pytest.approx(here.loss(), rel=1e-4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        there.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    there.wait()


@needs_gpu
@pytest.mark.parametrize("peer", ["torch", "torch channels-last", "torch.compile"])
def test_peers_on_a_gpu_do_the_same_work(peer: str) -> None:
    makers = trainers(torch.device("cuda"))
    ours, theirs = (makers[name](small("net4", torch.device("cuda"))) for name in ("tape", peer))
    for trainer in (ours, theirs):
        trainer.step()
    assert theirs.loss() == pytest.approx(ours.loss(), rel=1e-4)
