"""What a trace has to know of torch's functions on plain tensors: their names, and what they do beside computing."""

from typing import Any

from torch import Tensor

from tape.core.refusals import function_name

__all__ = ["CONSTANT", "changed_in_place", "torch_name"]

# Functions whose results do not depend on the numbers that they are given, or on random ones too, which stay as they
# were drawn.
CONSTANT = {"bernoulli", "dropout", "multinomial", "normal", "poisson"}
CONSTANT |= {f"{kind}_like" for kind in ("empty", "ones", "rand", "randint", "randn", "zeros")}
CONSTANT |= {f"new_{kind}" for kind in ("empty", "ones", "zeros")}


def changed_in_place(function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """The tensor that a call changes in place, if any."""
    if isinstance(kwargs.get("out"), Tensor):
        return kwargs["out"]  # type: ignore[no-any-return]
    spelling = getattr(function, "__name__", "")
    dunder = spelling.startswith("__") and spelling.endswith("__")
    augmented = dunder and name.startswith("i") and hasattr(Tensor, f"__{name[1:]}__")
    changes = spelling == "__setitem__" or augmented or (spelling.endswith("_") and not dunder)
    return args[0] if changes and args and isinstance(args[0], Tensor) else None


def torch_name(function: Any) -> str:
    """A torch function's name; the getter of a property goes by the property's."""
    owner = getattr(function, "__self__", None)
    if getattr(function, "__name__", "") == "__get__" and owner is not None:
        return str(owner.__name__)
    return function_name(function).rpartition(".")[2].strip("_")
