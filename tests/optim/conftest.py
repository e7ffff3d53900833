"""What the tests of the optimizers share: a run beside torch's own."""

import pytest
import torch

import optim
from tape import tree


@pytest.fixture(scope="session")
def assert_follows_torch():
    """Runs an optimizer beside torch's on the same random gradients and compares each step."""

    def check(optimizer, make_torch_optimizer, shapes, scales, seed, dtype, make_scheduler=None):
        generator = torch.Generator().manual_seed(seed)

        def draw(shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        params = {f"p{i}": draw(shape).to(dtype) for i, shape in enumerate(shapes)}
        theirs = [torch.nn.Parameter(leaf.clone()) for leaf in params.values()]
        torch_optimizer = make_torch_optimizer(theirs)
        scheduler = make_scheduler(torch_optimizer) if make_scheduler else None
        state = optimizer.init(params)
        for step, scale in enumerate(scales):
            grads = tree.map(lambda p, scale=scale: (scale * draw(p.shape)).to(dtype), params)
            for parameter, grad in zip(theirs, grads.values(), strict=True):
                parameter.grad = grad.clone()
            torch_optimizer.step()
            if scheduler:
                scheduler.step()
            updates, state = optimizer.update(grads, state, params)
            for path, mine, parameter in zip(
                params, optim.apply_updates(params, updates).values(), theirs, strict=True
            ):
                expected = parameter.detach()
                # What was added and what came out are each rounded a few times.
                size = torch.maximum(params[path].abs(), expected.abs())
                error = (mine - expected).abs()
                assert (error <= 8 * torch.finfo(dtype).eps * size).all(), f"{path} at step {step}: {error}"
            # From torch's parameters on: where a decay feeds them back, a sign may hang on the last bit.
            params = dict(zip(params, (p.detach().clone() for p in theirs), strict=True))

    return check
