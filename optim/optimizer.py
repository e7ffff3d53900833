"""The one idea of the package: an optimizer is a pair of pure functions, and a chain of them is one again."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from optim.boundary import aligned
from tape import tree

__all__ = ["Optimizer", "apply_updates", "chain"]


class Optimizer(NamedTuple):
    """A pair of pure functions that turns gradients into updates.

    `init(params) -> state` makes the state to begin with. `update(grads, state, params) -> (updates, state)`
    gives what `apply_updates` adds to `params`, negated and scaled already, and the state to go on with.

    `params` is a pytree of floating-point tensors of any shape, dtype and device; `grads` and `updates` have
    its structure, shapes, dtypes and devices. `state` is a pytree of tensors too: saved leaf by leaf and put
    back with `tape.tree.unflatten`, it continues bit for bit. A state counts its updates in `step`, a 0-d
    int64 tensor that stays on the CPU, so that reading it waits for no accelerator.

    Nothing that is given is changed, and no result shares memory with it. Leaves that require grad are used
    as plain values. A leaf that is not a floating-point tensor is a TypeError, and gradients of another
    structure, shape, dtype or device than `params` are a ValueError; both name the leaf.

    The idea is that of `optax.GradientTransformation`. Any pair will do, as in an optimizer that follows the
    sign of the gradient:

    >>> def sign_descent(lr):
    ...     def update(grads, state, params):
    ...         return tree.map(lambda g: -lr * torch.sign(g), grads), state
    ...     return Optimizer(init=lambda params: (), update=update)
    >>> updates, state = sign_descent(0.5).update({"w": torch.tensor([3.0, -4.0])}, (), None)
    >>> updates
    {'w': tensor([-0.5000,  0.5000])}
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def apply_updates(params: Any, updates: Any) -> Any:
    """`params + updates`, leaf by leaf: new tensors in the structure of `params`.

    `updates` has the structure, shapes, dtypes and devices of `params`; a TypeError or ValueError names the
    leaf where it has not.

    >>> apply_updates({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([0.5, -0.5])})
    {'w': tensor([1.5000, 1.5000])}
    """
    params, updates = aligned(params, updates=updates)
    return tree.map(torch.add, params, updates)


def chain(*optimizers: Optimizer) -> Optimizer:
    """One optimizer out of several: each takes the updates of the one before it as its gradients.

    The state is the tuple of their states. An empty chain is a ValueError, a member that is no `Optimizer` a
    TypeError. As `optax.chain`.

    >>> from optim import clip_by_global_norm, sgd
    >>> optimizer = chain(clip_by_global_norm(1.0), sgd(0.1))
    >>> params = {"w": torch.zeros(2)}
    >>> optimizer.update({"w": torch.tensor([30.0, 40.0])}, optimizer.init(params), params)[0]
    {'w': tensor([-0.0600, -0.0800])}
    """
    if not optimizers:
        raise ValueError("chain needs at least one optimizer")
    for position, optimizer in enumerate(optimizers):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"chain takes optimizers; argument {position} is of type {type(optimizer).__name__}")

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(optimizer.init(params) for optimizer in optimizers)

    def update(grads: Any, state: tuple[Any, ...], params: Any) -> tuple[Any, tuple[Any, ...]]:
        if type(state) is not tuple or len(state) != len(optimizers):
            raise TypeError(f"the state of this chain is a tuple of {len(optimizers)} states, as its init makes it")
        next_state = []
        for optimizer, own_state in zip(optimizers, state, strict=True):
            grads, own_state = optimizer.update(grads, own_state, params)
            next_state.append(own_state)
        return grads, tuple(next_state)

    return Optimizer(init, update)
