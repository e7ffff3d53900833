"""The card of a run: how it was made, how to make it again, and what its figures mean."""

import dataclasses
import platform
import shlex
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import torch

from n2n.training.scoring import validated
from n2n.training.settings import Settings
from n2n.training.state import State
from tape import tree

__all__ = ["card", "command"]

# The settings whose options have other names.
OPTIONS = {"pairs": "count", "captures": "pairs"}
SWITCHES = {True: "--{}", False: "--no-{}"}
PACKAGES = ("noise2noise-tape", "torch", "numpy", "scikit-image")


def command(settings: Settings) -> str:
    """What to type for a run of these settings.

    >>> command(Settings(network="unet", photos="my photos", noise="gaussian:25", betas=(0.9, 0.99)))
    "n2n train 'my photos' --network unet --noise gaussian:25 --betas 0.9 0.99 --seed 0"
    """
    words = ["n2n", "train"]
    data = settings.photos or settings.tensors
    if data is not None:
        words.append(data)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in ("photos", "tensors") or (value == field.default and field.name != "seed"):
            continue
        option = OPTIONS.get(field.name, field.name)
        if isinstance(value, bool):
            words.append(SWITCHES[value].format(option))
        else:
            words += [f"--{option}", *map(str, value if isinstance(value, tuple) else (value,))]
    return shlex.join(words)


def card(
    name: str, settings: Settings, state: State, shape: tuple[int, int, int], best: float, clean: bool, seconds: float
) -> str:
    """The card as Markdown. `best` is the highest PSNR in dB, `clean` whether clean images were there to measure it."""
    device = tree.leaves(state.params)[0].device
    threads = torch.get_num_threads()
    where = f"{threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else torch.cuda.get_device_name(device)
    channels, height, width = shape
    taken = f"{state.step:,} steps of {settings.batch} pairs"
    if state.step < settings.steps:
        taken += f", of the {settings.steps:,} that were planned: the time was up"
    rows = "\n".join(f"| {field} | {value} |" for field, value in dataclasses.asdict(settings).items())
    return f"""# {name}

A {settings.network} network with {sum(leaf.numel() for leaf in tree.leaves(state.params)):,} parameters for
{width}×{height} images in {"colour" if channels == 3 else "grey"}, trained {_trained_from(settings)}.

- **Held-out PSNR:** {best:.2f} dB at best, {validated(clean)}. {_meaning(settings, clean)}
- **Data:** {_data(settings)}.
- **Training:** {taken}, {seconds:,.0f} s on {where}.{_averaged(settings)}
- **Versions:** {", ".join(_versions())}; {platform.machine()}.

To make it again, bit for bit on the same kind of machine with as many threads:

```sh
{command(settings)}
```

| setting | value |
| --- | --- |
{rows}
"""


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in PACKAGES:
        # Without an installation the code runs where it lies, and has no version.
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _trained_from(settings: Settings) -> str:
    if settings.targets == "clean":
        return "with clean targets, which is no Noise2Noise and is for comparison only"
    return "from noisy pairs alone"


def _data(settings: Settings) -> str:
    drawn = f"{settings.pairs:,} pairs an epoch for {settings.epochs} epochs, seed {settings.seed}"
    if settings.captures is not None:
        return f"noisy captures in {settings.captures[0]} and {settings.captures[1]}, {drawn}"
    if settings.bursts is not None:
        return f"any two noisy captures of a scene in {settings.bursts}, {drawn}"
    if settings.tensors is not None:
        validation = "" if settings.validation is None else f", validated on {settings.validation}"
        return f"the pairs of {settings.tensors}{validation}, {drawn}"
    pictures = "procedural images (dead leaves)" if settings.photos is None else f"the photographs in {settings.photos}"
    return f"{pictures} with the noise {settings.noise}, {drawn}"


def _meaning(settings: Settings, clean: bool) -> str:
    if clean and settings.targets == "clean":
        return "Training does not see the pictures that are held out."
    if clean:
        return "The clean images serve to measure; training does not see them, nor the pictures that are held out."
    return (
        "Without clean images the error is estimated from two noisy captures of each held-out scene, whose noise is "
        "taken to be independent and equally strong in both."
    )


def _averaged(settings: Settings) -> str:
    if settings.average is None:
        return ""
    return f" What is measured and denoised with is a moving average of the parameters (decay {settings.average:g})."
