"""What the tests of the optimizers share: a run beside torch's own."""

import pytest
import torch

import optim
from tape import tree


@pytest.fixture(scope="session")
def assert_follows_torch():
    """Runs an optimizer beside torch's on the same random gradients and compares each step.

    Beside half-precision parameters torch runs in float32: in half precision its state loses what it is made of.
    """

    def check(optimizer, make_torch_optimizer, shapes, scales, seed, dtype, make_scheduler=None):
        generator = torch.Generator().manual_seed(seed)

        def draw(shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        params = {f"p{i}": draw(shape).to(dtype) for i, shape in enumerate(shapes)}
        wide = torch.promote_types(dtype, torch.float32)
        theirs = [torch.nn.Parameter(leaf.to(wide, copy=True)) for leaf in params.values()]
        torch_optimizer = make_torch_optimizer(theirs)
        scheduler = make_scheduler(torch_optimizer) if make_scheduler else None
        state = optimizer.init(params)
        for step, scale in enumerate(scales):
            grads = tree.map(lambda p, scale=scale: (scale * draw(p.shape)).to(dtype), params)
            for parameter, grad in zip(theirs, grads.values(), strict=True):
                parameter.grad = grad.to(wide, copy=True)
            torch_optimizer.step()
            if scheduler:
                scheduler.step()
            updates, state = optimizer.update(grads, state, params)
            for path, mine, parameter in zip(
                params, optim.apply_updates(params, updates).values(), theirs, strict=True
            ):
                expected = parameter.detach().to(dtype)
                # What was added and what came out are each rounded a few times.
                size = torch.maximum(params[path].abs(), expected.abs())
                error = (mine - expected).abs()
                assert (error <= 8 * torch.finfo(dtype).eps * size).all(), f"{path} at step {step}: {error}"
            # From torch's parameters on: where a decay feeds them back, a sign may hang on the last bit.
            params = dict(zip(params, (p.detach().to(dtype, copy=True) for p in theirs), strict=True))
            for parameter, rounded in zip(theirs, params.values(), strict=True):
                parameter.data.copy_(rounded)

    return check
