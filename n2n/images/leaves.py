"""Dead leaves: pictures made of shapes that fell on one another, with the statistics of photographs.

Occlusion gives sharp edges, and radii from a power law give detail at every scale; each leaf has a colour, a
texture and a shading of its own. After Lee, Mumford and Huang, "Occlusion models for natural images" (2001).
"""

import math

import torch
from torch import Tensor

GROUP = 10  # pictures that are made together and share their leaves' radii


def dead_leaves(generator: torch.Generator, size: int, count: int = 1) -> Tensor:
    """Draws `count` coloured pictures: float32 (count, 3, size, size) in [0, 1].

    The pictures continue across their edges, as tiles do. Same generator state, same bits, on the CPU.

    >>> dead_leaves(torch.Generator().manual_seed(0), 64).shape
    torch.Size([1, 3, 64, 64])
    """
    groups = [min(GROUP, count - done) for done in range(0, count, GROUP)]
    return torch.cat([_group(generator, size, group) for group in groups])


def _group(generator: torch.Generator, size: int, count: int) -> Tensor:
    radii = _radii(generator, size)
    centres = torch.rand(2, count, len(radii), generator=generator) * size
    top = _fall(generator, size, radii, centres)
    light = _texture(generator, len(radii), top) + _shading(generator, radii, centres, top)
    light += 0.15 * _field(generator, size, count, slope=2.0)  # the light of the whole scene
    colours = _colours(generator, count, len(radii)).flatten(0, 1)[top]
    image = colours.permute(0, 3, 1, 2) * light.exp()[:, None]
    return _soften(generator, image).clamp_(0, 1)


def _radii(generator: torch.Generator, size: int) -> Tensor:
    """Radii with density r^-3 for enough leaves to cover each picture four times: (K,).

    The least radius differs, and with it how busy the pictures are.
    """
    most = size / 2.5
    least = 2 * 12 ** float(torch.rand((), generator=generator))
    least = min(least, most / 4)
    area = 2 * math.pi * math.log(most / least) / (least**-2 - most**-2)  # of a leaf, on average
    share = torch.rand(math.ceil(4 * size * size / area), generator=generator, dtype=torch.float64)
    return (least**-2 - share * (least**-2 - most**-2)).rsqrt().float()


def _fall(generator: torch.Generator, size: int, radii: Tensor, centres: Tensor) -> Tensor:
    """The leaf that is seen at each pixel, numbered over all pictures: int64 (count, size, size)."""
    count, leaves = centres.shape[1:]
    angle = torch.rand(count, leaves, 1, 1, generator=generator) * math.pi
    stretch = torch.randn(count, leaves, 1, 1, generator=generator).mul_(0.25).exp_().clamp_(0.7, 1.4)
    cosine, sine = angle.cos() / radii[:, None, None], angle.sin() / radii[:, None, None]
    kinds = torch.randint(4, (leaves,), generator=generator).tolist()
    begin = torch.arange(count)[:, None] * size
    top = (torch.arange(count) * leaves).repeat_interleave(size * size)
    for leaf, (radius, kind) in enumerate(zip(radii.tolist(), kinds, strict=True)):
        reach = math.ceil(1.4 * radius)
        step = torch.arange(-reach, reach + 1)
        down, across = (step + centre[:, leaf, None].long() for centre in centres)
        y = (down + 0.5 - centres[0, :, leaf, None])[:, :, None]
        x = (across + 0.5 - centres[1, :, leaf, None])[:, None, :]
        along = (cosine[:, leaf] * x + sine[:, leaf] * y).div_(stretch[:, leaf]).square_()
        beside = (cosine[:, leaf] * y - sine[:, leaf] * x).mul_(stretch[:, leaf]).square_()
        # One leaf in four is a box, the others are ellipses.
        inside = torch.maximum(along, beside) < 0.7 if kind == 0 else along.add_(beside) < 1
        place = ((begin + down % size) * size)[:, :, None] + (across % size)[:, None, :]
        number = (torch.arange(count) * leaves + leaf)[:, None, None]
        place, covered = place.flatten(), torch.where(inside, number, top[place])
        top.scatter_(0, place, covered.flatten())
    return top.view(count, size, size)


def _colours(generator: torch.Generator, count: int, leaves: int) -> Tensor:
    """A colour for each leaf, (count, leaves, 3): mostly brightness varies, then warm against cold."""
    exposure = 0.3 + 0.35 * torch.rand(count, 1, 1, generator=generator)
    contrast = 0.06 + 0.18 * torch.rand(count, 1, 1, generator=generator)
    brightness = exposure + contrast * torch.randn(count, leaves, 1, generator=generator)
    tint = 0.6 * torch.randn(count, 1, 2, generator=generator) + torch.tensor([0.3, 0.0])
    vividness = 1.5 * torch.rand(count, 1, 1, generator=generator)
    hue = vividness * (tint + torch.randn(count, leaves, 2, generator=generator))
    warm, green = torch.tensor([1.0, 0.0, -1.0]), torch.tensor([-0.5, 1.0, -0.5])
    colour = brightness + 0.09 * hue[..., :1] * warm + 0.035 * hue[..., 1:] * green
    return colour.clamp(0.03, 0.95)


def _texture(generator: torch.Generator, leaves: int, top: Tensor) -> Tensor:
    """What lies on the leaves, as the logarithm of a factor: grain and blotches, and stripes on some."""
    count, size = top.shape[:2]
    rows, columns = torch.arange(size)[:, None], torch.arange(size)
    light = torch.zeros(top.shape)
    for slope, strength in ((0.6, 0.08), (1.3, 0.12)):
        field = _field(generator, size, count, slope).flatten()
        strengths = strength * torch.randn(count * leaves, generator=generator).square_()
        begin = torch.randint(size, (2, count * leaves), generator=generator)  # each leaf its own piece of it
        place = (rows + begin[0][top]) % size * size + (columns + begin[1][top]) % size
        place += torch.arange(count)[:, None, None] * (size * size)
        light += strengths[top] * field[place]
    striped = torch.rand(count * leaves, generator=generator) < 0.15
    strengths = striped * torch.randn(count * leaves, generator=generator).mul_(0.2)
    period = 3 * torch.exp(2 * torch.rand(count * leaves, generator=generator))
    angle = math.pi * torch.rand(count * leaves, generator=generator)
    wave = (2 * math.pi / period * angle.cos())[top] * rows + (2 * math.pi / period * angle.sin())[top] * columns
    return light + strengths[top] * wave.sin_().mul_(3).clamp_(-1, 1)


def _shading(generator: torch.Generator, radii: Tensor, centres: Tensor, top: Tensor) -> Tensor:
    """A slope of light across each leaf, as the logarithm of a factor."""
    count, size = top.shape[:2]
    slopes = 0.15 * torch.randn(2, count, len(radii), generator=generator) / radii
    light = torch.zeros(top.shape)
    for axis, steps in enumerate((torch.arange(size)[:, None], torch.arange(size))):
        away = (steps - centres[axis].flatten()[top] + size / 2) % size - size / 2
        light += slopes[axis].flatten()[top] * away
    return light


def _field(generator: torch.Generator, size: int, count: int, slope: float) -> Tensor:
    """Noise of unit deviation whose amplitude falls with frequency as f^-slope: (count, size, size)."""
    frequency = torch.fft.fftfreq(size)[:, None].square() + torch.fft.rfftfreq(size).square()
    weight = frequency.clamp(min=size**-2.0).pow(-slope / 2)
    weight[0, 0] = 0
    white = torch.randn(count, size, size, generator=generator)
    field: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * weight, s=(size, size))
    return field / field.std(dim=(1, 2), keepdim=True)


def _soften(generator: torch.Generator, image: Tensor) -> Tensor:
    """Blurs each picture by its own small amount, as lenses do, with a three-pixel kernel along each axis."""
    weight = 0.2 * torch.rand(len(image), 1, 1, 1, generator=generator)
    for axis in (2, 3):
        neighbours = image.roll(1, axis) + image.roll(-1, axis)
        image = (1 - 2 * weight) * image + weight * neighbours
    return image
