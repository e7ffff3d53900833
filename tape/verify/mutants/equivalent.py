"""The mutants that change nothing a check could notice, each with the reason."""

from collections.abc import Iterator

__all__ = ["EQUIVALENT"]

_SIZE = "a torch.Size is a tuple, and so is its slice"
_ONE = "a product with 1 is exact"
_STRICT = "the lengths are always equal; strict only documents it"
_SEQUENCE = "a list or a range serves as well as a tuple here"
_BOOL = "torch promotes truth values to the cotangent's type in a product, and counts them in a sum"
_MASKED = "what stands there is masked afterwards"
_TIE = "at a tie the outer choice takes one half and does not look at who wins"
_DEVICE = "seen only where a second device has numbers; on one device the same"
_SPEED = "a shortcut: the long way gives the same result"
_FLAT = "the sweep sums the products of the leading dimensions, which is slower than one product"
_COPY = "one copy more or less, of numbers that nobody else holds"
_LEVEL = "no two tapes have the same level"
_OUTER = "of values that nobody records a call computes what the function does"
_EXCHANGED = "two dimensions are exchanged, whichever is named first"
_OFFSET = "versions are compared with versions that were read in the same way"

_BOTH_WAYS = "the same both ways"
_MEANWHILE = "a copy, should another thread make changes just then"
_EQUALLY_LONG = {
    "tape.transforms.custom.CustomVjp.__call__": (
        "zip(pulled, due, strict=True)",
        "zip(itertools.chain(*completed), mine, strict=True)",
    ),
    "tape.compiling.compiled._Returning.run": ("zip(self.outputs, self.places, strict=True)",),
    "tape.compiling.kinds.difference": ("zip(paths, before[2], after[2], strict=True)",),
    "tape.compiling.line.View.bytes": ("zip(self.shape, self.stride, strict=True)",),
    "tape.compiling.microbatching._swept": ("zip(chosen, inputs, strict=True)",),
    "tape.transforms.jacobians.jacrev": ("zip(_ranges(outputs), outputs, strict=True)",),
    "tape.transforms.jacobians._mapped": ("zip(*parts, strict=True)", "zip(first, *rest, strict=True)"),
    "tape.transforms.jacobians._basis": ("zip(_ranges(likes), likes, strict=True)",),
    "tape.transforms.jacobians.jacfwd": ("zip(_ranges(inputs), inputs, strict=True)",),
    "tape.transforms.checkpointing._in_one_step": (
        "zip(values, mine, strict=True)",
        "zip(leaves, mine, strict=True)",
        "zip(slots, inputs, strict=True)",
    ),
    "tape.transforms.checkpointing._repeatable": (
        "zip(generators, before, strict=True)",
        "zip(drawn, found, strict=True)",
    ),
}


def _lenient(function: str, zips: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The mutants of a function whose every `strict=True` only documents."""
    for i, call in enumerate(zips):
        yield function, f"{call} -> {call.replace(', strict=True', '')}"
        yield function, "True -> False" + f" #{i + 1}" * (i > 0)


# The function, and the change as a mutant prints it.
EQUIVALENT: dict[tuple[str, str], str] = {
    ("tape.compiling.planning.largest_first", "_together(life, other) -> _together(other, life)"): _BOTH_WAYS,
    ("tape.compiling.simplifying.equal_once", "True -> False"): _STRICT,
    ("tape.compiling.line.Line.listing", "0 -> 1"): "where no text is short enough to align, each is longer",
    (
        "tape.compiling.simplifying.equal_once",
        "zip(earlier.made, operation.made, strict=True) -> zip(earlier.made, operation.made)",
    ): _STRICT,
    (
        "tape.compiling.simplifying._key",
        "repr(leaf) if type(leaf) is float else leaf -> repr(leaf)",
    ): "a slower way to tell the other leaves apart",
    (
        "tape.compiling.simplifying.in_place",
        "operation.written | {place.buffer} -> {place.buffer}",
    ): "torch has no elementwise operation that makes one tensor and changes another",
    (
        "tape.compiling.planning.plan",
        "(first_fit, best_fit, largest_first) if len(alive) <= FEW else (first_fit, best_fit) -> "
        "(first_fit, best_fit, largest_first)",
    ): _SPEED,
    ("tape.compiling.planning.largest_first", "max(begin, high) -> max(high, begin)"): _BOTH_WAYS,
    ("tape.compiling.planning._in_order", "max(most, begin + size) -> max(begin + size, most)"): _BOTH_WAYS,
    ("tape.compiling.planning.plan", "len(alive) <= FEW -> len(alive) < FEW"): "how many are few is a matter of taste",
    ("tape.core.calling._record", "any(map(is_array, leaves)) -> map(is_array, leaves)"): _SPEED,
    (
        "tape.core.calling._record",
        "stand_ins() and any(map(is_stood_in, leaves)) -> any(map(is_stood_in, leaves))",
    ): _SPEED,
    (
        "tape.transforms.gradients.swept_at_once",
        "list(run.pull([seed], keep=False)) -> run.pull([seed], keep=False)",
    ): "a tuple serves as well as a list here",
    (
        "tape.transforms.gradients.swept_at_once",
        "torch.ones((), dtype=run.out.dtype, device=run.out.device) -> torch.ones((), dtype=run.out.dtype)",
    ): _DEVICE,
    (
        "tape.core.sweep.version",
        "type(x) not in _UNCHANGING and (not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x)))) -> "
        "type(x) not in _UNCHANGING or not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x)))",
    ): _SPEED,
    (
        "tape.core.sweep.version",
        "type(x) not in _UNCHANGING and (not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x)))) -> "
        "not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x)))",
    ): _SPEED,
    (
        "tape.core.sweep.version",
        "type(x) not in _UNCHANGING and (not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x)))) -> "
        "type(x) not in _UNCHANGING",
    ): _SPEED,
    ("tape.core.calling._is_view", "of = raw(of) -> pass"): "a recipe more at an inner level, which makes the same",
    ("tape.core.calling._is_view", "raw(of) -> of"): "a recipe more at an inner level, which makes the same",
    **{key: _STRICT for function, zips in _EQUALLY_LONG.items() for key in _lenient(function, zips)},
    ("tape.transforms.jacobians._mapped", "1 -> 2"): "of several vectors of the basis the first alone is taken",
    ("tape.transforms.jacobians._mapped", "count > 1 -> count >= 1"): "one row is a row of many",
    (
        "tape.transforms.jacobians._mapped",
        "min(i + size, count) -> min(count, i + size)",
    ): "the smaller of two is so in any order",
    (
        "tape.transforms.jacobians._mapped",
        "torch.cat(each) if len(each) > 1 else each[0] -> torch.cat(each)",
    ): _COPY,
    ("tape.transforms.jacobians._mapped", "len(each) > 1 -> len(each) >= 1"): _COPY,
    ("tape.transforms.jacobians._mapped", "1 -> 2 #4"): "of several vectors of the basis the first alone is taken",
    (
        "tape.transforms.jacobians._own",
        "x if type(x) is Traced else x.clone(memory_format=torch.contiguous_format) -> "
        "x.clone(memory_format=torch.contiguous_format)",
    ): _COPY,
    ("tape.transforms.jacobians._own", "type(x) -> x"): _COPY,
    ("tape.transforms.jacobians._mapped", "1 -> 2 #2"): "two rows one after the other are two at once",
    ("tape.compiling.microbatching.microbatch", "0 -> 1"): "either is no more than a microbatch has",
    (
        "tape.compiling.microbatching.microbatch",
        "min(start + size, count) -> min(count, start + size)",
    ): "the smaller of two is so in any order",
    (
        "tape.compiling.microbatching._shares",
        "min(workers, len(pieces)) -> min(len(pieces), workers)",
    ): "the smaller of two is so in any order",
    (
        "tape.compiling.microbatching._in_threads",
        "max(1, cores // len(jobs)) -> max(cores // len(jobs), 1)",
    ): "the larger of two is so in any order",
    (
        "tape.compiling.microbatching._in_threads",
        "zip(jobs[1:], futures, strict=True) -> zip(jobs[1:], futures)",
    ): _STRICT,
    ("tape.compiling.microbatching._in_threads", "True -> False #2"): _STRICT,
    ("tape.compiling.microbatching._swept", "list(leaves) -> leaves"): _COPY,
    ("tape.compiling.microbatching._together", "x.add_(y) if type(x) is Tensor else x + y -> x + y"): _SPEED,
    ("tape.compiling.microbatching._together", "type(x) -> x"): _SPEED,
    ("tape.transforms.exchanging.seen_here", "dict(tensors) -> tensors"): _MEANWHILE,
    (
        "tape.transforms.checkpointing._in_one_step",
        "zip(leaves, mine, strict=True) -> zip(leaves, mine) #2",
    ): _STRICT,
    ("tape.transforms.checkpointing._in_one_step", "True -> False #4"): _STRICT,
    (
        "tape.transforms.checkpointing._repeatable",
        "_same(_state(generator), state) -> _same(state, _state(generator))",
    ): "states are equal the same both ways",
    ("tape.ops.arithmetic.add.defvjp(y)", "g if alpha == 1 else g * alpha -> g * alpha"): _ONE,
    ("tape.ops.arithmetic.subtract.defvjp(y)", "-g if alpha == 1 else g * -alpha -> g * -alpha"): _ONE,
    ("tape.ops.distances._by_share", "1.0 -> 2.0"): _MASKED,
    ("tape.ops.distances._by_share", "1.0 -> 2.0 #2"): _MASKED,
    ("tape.ops.distances._by_share", "0 -> 1 #3"): "beside a norm of 1 a division by 1 is none, beside one of 0 masked",
    ("tape.ops.distances._by_share", "g * torch.sign(x) -> g / torch.sign(x)"): "a sign is 1 or -1, or masked",
    ("tape.ops.distances._shared", "(torch.abs(x) == ans).to(x.dtype) -> torch.abs(x) == ans"): _BOOL,
    ("tape.ops.arithmetic.maximum.defvjp(x)", "x > y -> x >= y"): _TIE,
    ("tape.ops.arithmetic.maximum.defvjp(y)", "y > x -> y >= x"): _TIE,
    ("tape.ops.arithmetic.minimum.defvjp(x)", "x < y -> x <= y"): _TIE,
    ("tape.ops.arithmetic.minimum.defvjp(y)", "y < x -> y <= x"): _TIE,
    (
        "tape.ops.arithmetic._power_exponent",
        "torch.full_like(exponent, x) if isinstance(x, (int, float)) else x -> x",
    ): "a number broadcasts as a full tensor does",
    ("tape.ops.arithmetic._by_distance", "torch.hypot(x, y) -> torch.hypot(y, x)"): "a distance is the same both ways",
    ("tape.ops.special._sigmoid_of_minus", "x < 0 -> x <= 0"): "at 0 the two are equal",
    ("tape.ops.special._sigmoid_of_minus", "0 -> 1"): "near 0 either keeps its digits",
    ("tape.ops.special._logit", "0.5 -> 1.5"): "a stand-in whose own derivative is not looked at",
    ("tape.ops.arithmetic._power_base", "if isinstance(exponent, (int, float)): -> pass"): _SPEED,
    ("tape.ops.patches.add_windows.defvjp(x)", "tuple(x_like.shape[3:5]) -> x_like.shape[3:5]"): _SIZE,
    ("tape.ops.bases.change_windows.defvjp(x)", "tuple(x_like.shape) -> x_like.shape"): _SIZE,
    (
        "tape.ops.bases.multiply_changed.defvjp(x)",
        "weight.transpose(0, 1) -> weight.transpose(1, 0)",
    ): _EXCHANGED,
    ("tape.ops.bases.sum_changed.defvjp(x)", "g.transpose(0, 1) -> g.transpose(1, 0)"): _EXCHANGED,
    ("tape.ops.patches.sum_taps.defvjp(x)", "tuple(x_like.shape[1:3]) -> x_like.shape[1:3]"): _SIZE,
    ("tape.ops.patches.sum_taps.defvjp(x)", "tuple(x_like.shape[3:5]) -> x_like.shape[3:5]"): _SIZE,
    ("tape.ops.patches.unfold.defvjp(input)", "tuple(input_like.shape[-2:]) -> input_like.shape[-2:]"): _SIZE,
    ("tape.ops.patches.windows.defvjp(x)", "tuple(x_like.shape[1:3]) -> x_like.shape[1:3]"): _SIZE,
    ("tape.ops.patches._sum_repeats", "torch.arange(size, device=g.device) -> torch.arange(size)"): _DEVICE,
    (
        "tape.ops.patches._sum_repeats",
        "torch.zeros(shape, dtype=g.dtype, device=g.device) -> torch.zeros(shape, dtype=g.dtype)",
    ): _DEVICE,
    (
        "tape.ops.reductions._extreme",
        "(x == _restore(ans, dim, keepdim, rank)).to(x.dtype) -> x == _restore(ans, dim, keepdim, rank)",
    ): _BOOL,
    ("tape.ops.reductions._extreme", "dims(dim, rank) -> dim"): "torch's sum reads () as all dimensions, too",
    (
        "tape.ops.reductions.mean.defvjp(x)",
        "max(_count(x_like.shape, dim), 1) -> _count(x_like.shape, dim)",
    ): "where the count is 0, so is the number of entries that are divided",
    (
        "tape.ops.reductions.mean.defvjp(x)",
        "max(_count(x_like.shape, dim), 1) -> max(1, _count(x_like.shape, dim))",
    ): "a maximum does not depend on the order",
    ("tape.ops.spelling.dims", "tuple(dim or range(rank)) -> dim or range(rank)"): _SEQUENCE,
    ("tape.ops.spelling.as_tuple", "tuple(x) -> x"): _SEQUENCE,
    ("tape.ops.joining._split_like", "zip(parts, tensors_like, strict=True) -> zip(parts, tensors_like)"): _STRICT,
    ("tape.ops.joining._split_like", "True -> False"): _STRICT,
    (
        "tape.ops.conversion.convert.defvjp(x)",
        "g.to(device=x_like.device, dtype=x_like.dtype) -> g",
    ): "the sweep converts a cotangent that has its output's type, and on one device that is all",
    (
        "tape.ops.conversion.convert.defvjp(x)",
        "g.to(device=x_like.device, dtype=x_like.dtype) -> g.to(dtype=x_like.dtype)",
    ): _DEVICE,
    (
        "tape.ops.conversion.convert.defvjp(x)",
        "g.to(device=x_like.device, dtype=x_like.dtype) -> g.to(device=x_like.device)",
    ): "the sweep converts a cotangent that has its output's type",
    ("tape.ops.products._matmul_right", "x, g = (_flat_rows(x), _flat_rows(g)) -> pass"): _FLAT,
    ("tape.ops.products._matmul_right", "len(y_like.shape) > 2 -> len(y_like.shape) >= 2"): _FLAT,
    (
        "tape.ops.products._matmul_right",
        "(g.mT @ x).mT if y_like.shape[1] < y_like.shape[0] else x.mT @ g -> (g.mT @ x).mT",
    ): _SPEED,
    (
        "tape.ops.products._matmul_right",
        "(g.mT @ x).mT if y_like.shape[1] < y_like.shape[0] else x.mT @ g -> x.mT @ g",
    ): _SPEED,
    (
        "tape.ops.products._matmul_right",
        "y_like.shape[1] < y_like.shape[0] -> y_like.shape[1] <= y_like.shape[0]",
    ): _SPEED,
    (
        "tape.ops.products._matmul_right",
        "y_like.shape[1] < y_like.shape[0] -> y_like.shape[1] > y_like.shape[0]",
    ): _SPEED,
    ("tape.ops.products._matmul_right", "0 -> 1"): _SPEED,
    ("tape.ops.phases.interleave.defvjp(x)", "tuple(x_like.shape[:2]) -> x_like.shape[:2]"): _SIZE,
    ("tape.ops.phases.interleave.defvjp(x)", "tuple(x_like.shape[-2:]) -> x_like.shape[-2:]"): _SIZE,
    ("tape.ops.phases.separate.defvjp(x)", "tuple(x_like.shape[-2:]) -> x_like.shape[-2:]"): _SIZE,
    ("tape.ops.columns.patch_columns.defvjp(x)", "tuple(x_like.shape) -> x_like.shape"): _SIZE,
    (
        "tape.ops.products._matmul_right",
        "g * x if x.ndim == 1 else _flat_rows(x).mT @ g.reshape(-1) -> _flat_rows(x).mT @ g.reshape(-1)",
    ): "the product of a column and one number",
    ("tape.ops.products._matmul_right", "-1 -> 1 #2"): "behind the only dimension, counted from either end",
    (
        "tape.ops.products._flat_rows",
        "x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) -> "
        "x.reshape(math.prod(x.shape[:-1]), x.shape[-1])",
    ): "a matrix has these two sizes already",
    ("tape.ops.ordering._to_equals", "(x == ans).to(x.dtype) -> x == ans"): _BOOL,
    ("tape.ops.indexing._kept", "tuple(indices) -> indices"): "they are a tuple already",
    ("tape.ops.indexing.put.defvjp(values)", "tuple(indices) -> indices"): "they are a tuple already",
    (
        "tape.ops.indexing._gathered",
        "zip(reversed(src_like.shape), reversed(index.shape), strict=True) -> "
        "zip(reversed(src_like.shape), reversed(index.shape))",
    ): _STRICT,
    ("tape.ops.indexing._gathered", "True -> False"): _STRICT,
    ("tape.core.sweep.sweep", "summed.add(slot) -> pass"): _COPY,
    ("tape.core.sweep.sweep", "summed.add(slot) -> summed"): _COPY,
    ("tape.core.sweep.sweep", "True -> False"): _STRICT,
    (
        "tape.core.sweep.sweep",
        "zip(slots, _parts(cotangent, slots, step, position), strict=True) -> "
        "zip(slots, _parts(cotangent, slots, step, position))",
    ): _STRICT,
    (
        "tape.core.sweep.sweep",
        "cotangent.detach() if slot in summed else cotangent.detach().clone() -> cotangent.detach().clone()",
    ): _COPY,
    ("tape.core.sweep.sweep", "type(cotangent) -> cotangent"): _SPEED,
    ("tape.core.sweep.sweep", "_on_device(cotangent, likes[slot]) -> cotangent"): _DEVICE,
    ("tape.core.sweep.version", "0 -> 1"): _OFFSET,
    ("tape.core.sweep.version", "type(x) -> x"): _SPEED,
    ("tape.core.sweep.version", "type(x) -> x #4"): _SPEED,
    ("tape.core.sweep.version", "type(x) -> x #2"): "a recipe is a pytree, and what else it holds is no tensor",
    ("tape.core.sweep._version", "0 -> 1"): _OFFSET,
    ("tape.core.sweep._conform", "if dtype == to.dtype and shape == to.shape: -> pass"): _SPEED,
    (
        "tape.core.sweep._conform",
        "shape != to.shape and any((_broadcast(to.shape, shape, out.shape) for out in outs)) -> "
        "any((_broadcast(to.shape, shape, out.shape) for out in outs))",
    ): "between equal shapes there is nothing to sum",
    (
        "tape.core.sweep._conform",
        "dtype != to.dtype and any((dtype == out.dtype for out in outs)) -> any((dtype == out.dtype for out in outs))",
    ): "a conversion to the same type gives the same tensor",
    ("tape.core.sweep._broadcast", "return False -> return None"): "either is no",
    (
        "tape.core.sweep._on_device",
        "cotangent if raw(cotangent).device == to.device else cotangent.to(to.device) -> cotangent",
    ): _DEVICE,
    (
        "tape.core.sweep._on_device",
        "cotangent if raw(cotangent).device == to.device else cotangent.to(to.device) -> cotangent.to(to.device)",
    ): _SPEED,
    ("tape.core.sweep._on_device", "raw(cotangent).device == to.device -> raw(cotangent).device != to.device"): _DEVICE,
    ("tape.core.sweep._on_device", "cotangent.to(to.device) -> cotangent"): _DEVICE,
    ("tape.core.sweep._on_device", "raw(cotangent) -> cotangent"): "a traced value has the device of its tensor",
    (
        "tape.core.definition.Definition._plan",
        "list(inspect.signature(rule).parameters) -> inspect.signature(rule).parameters",
    ): "a mapping gives its names in order",
    (
        "tape.core.definition.Definition._plan",
        "(lambda places: (*pick(places), *map(like, pick_like(places)))) if kept_like else pick -> "
        "lambda places: (*pick(places), *map(like, pick_like(places)))",
    ): _SPEED,
    ("tape.core.definition.Definition._plan", "tuple(pool[1:]) -> pool[1:]"): _SEQUENCE,
    ("tape.core.calling._record", "leaf.tape.level > tape.level -> leaf.tape.level >= tape.level"): _LEVEL,
    ("tape.core.calling._record", "False -> True"): _OUTER,
    (
        "tape.core.calling._record",
        "primitive.call(*values, **options) if outer else primitive.function(*values, **options) -> "
        "primitive.call(*values, **options)",
    ): _OUTER,
    ("tape.core.calling._record", "zip(leaves, mine, strict=True) -> zip(leaves, mine)"): _STRICT,
    ("tape.core.calling._record", "True -> False"): _STRICT,
    ("tape.core.calling._record", "zip(leaves, mine, strict=True) -> zip(leaves, mine) #2"): _STRICT,
    ("tape.core.calling._record", "True -> False #2"): _STRICT,
    ("tape.core.calling._differentiable", "return False -> return None"): "either is no",
    ("tape.transforms.gradients._constant", "raw(x) -> x #2"): "a traced value detached is its tensor, detached",
    (
        "tape.transforms.gradients._Recording.__init__",
        "zip(inputs, map(self._owns, inputs), strict=True) -> zip(inputs, map(self._owns, inputs))",
    ): _STRICT,
    ("tape.transforms.gradients._Recording.__init__", "True -> False"): _STRICT,
    ("tape.transforms.gradients._Recording.pull", "zip(outputs, seeds, strict=True) -> zip(outputs, seeds)"): _STRICT,
    ("tape.transforms.gradients._Recording.pull", "True -> False"): _STRICT,
    (
        "tape.ops.ordering._to_place",
        "not keepdim and x_like.shape -> not keepdim",
    ): "torch scatters one number into a 0-d tensor from a 0-d and from a 1-d source alike",
    (
        "tape.ops.ordering._to_place",
        "torch.zeros(x_like.shape, dtype=x_like.dtype, device=x_like.device) -> "
        "torch.zeros(x_like.shape, dtype=x_like.dtype)",
    ): _DEVICE,
    (
        "tape.ops.ordering._to_places",
        "torch.zeros(x_like.shape, dtype=x_like.dtype, device=x_like.device) -> "
        "torch.zeros(x_like.shape, dtype=x_like.dtype)",
    ): _DEVICE,
    (
        "tape.core.traced.like",
        "_like_leaf(x) if isinstance(x, (Tensor, Traced)) else tree.map(_like_leaf, x) -> tree.map(_like_leaf, x)",
    ): _SPEED,
    ("tape.core.arguments.Argnums.choose", "zip(chosen, names, strict=True) -> zip(chosen, names)"): _STRICT,
    ("tape.core.arguments.Argnums.choose", "True -> False"): _STRICT,
    ("tape.core.arguments.Argnums.choose", "zip(chosen, values, strict=True) -> zip(chosen, values)"): _STRICT,
    ("tape.core.arguments.Argnums.choose", "True -> False #2"): _STRICT,
    ("tape.core.one_step.one_step", "zip(leaves, places, strict=True) -> zip(leaves, places)"): _STRICT,
    ("tape.core.one_step.one_step", "True -> False"): _STRICT,
    (
        "tape.core.one_step.record_step",
        "False -> True",
    ): "only a call of a primitive asks whether its output is made again",
    ("tape.core.boundary.reading.Reading.__array__", "float(self) -> self"): "torch asks a number for its float itself",
    ("tape.core.boundary.autocast.without_autocast", "torch.is_autocast_enabled(device) -> device"): _SPEED,
    ("tape.core.boundary.autocast._choice", "type(x) -> x"): "a choice for each value is that for its type",
    ("tape.core.boundary.autocast._choice", "torch.is_autocast_enabled(device) -> device"): _DEVICE,
}
