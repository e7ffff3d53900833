"""The pictures with which a network came nearest, in the middle, and least near."""

from collections.abc import Iterable, Mapping, Sequence

from n2n.evaluation.denoisers import Denoiser
from n2n.evaluation.drawing import Shown
from n2n.evaluation.measuring import Measurement, outputs, summary
from n2n.evaluation.sets import EvaluationSet

__all__ = ["best_median_worst", "extremes"]


def extremes(
    denoisers: Mapping[str, Denoiser], evaluated: EvaluationSet, measurements: Sequence[Measurement], ours: str
) -> list[Shown]:
    """These pictures of one of the denoisers, beside those of the one that is the best over all of the others.

    `measurements` are those of all the denoisers on all the pictures, in the pictures' order.
    """
    others = [row for row in summary(measurements) if row.name in denoisers and row.name != ours]
    best = max(others, key=lambda row: row.overall).name
    methods = 1 + len(denoisers)  # the noisy picture is measured as well
    shown = []
    for title, number in best_median_worst(measurements, ours).items():
        example = evaluated.examples[number]
        versions = outputs({name: denoisers[name] for name in (best, ours)}, example.noisy[None])
        figures = {each.method: each for each in measurements[number * methods : (number + 1) * methods]}
        captions = {name: _caption(figures[name]) for name in versions}
        pictures = {name: version[0] for name, version in versions.items()}
        pictures["clean" if evaluated.clean else "other capture"] = example.second
        shown.append(Shown(f"{title}: image {example.name}", pictures, captions))
    return shown


def best_median_worst(measurements: Iterable[Measurement], method: str) -> dict[str, int]:
    """The numbers of the pictures with which a method came nearest, in the middle, and least near, by PSNR.

    Of two in the middle it is the worse one; a picture whose error cannot be resolved counts as the best.

    >>> errors = enumerate([0.04, 0.01, 0.03, 0.02])
    >>> best_median_worst([Measurement(str(n), "net4", error, None) for n, error in errors], "net4")
    {'best': 1, 'median': 2, 'worst': 0}
    """
    errors = [each.squared_error for each in measurements if each.method == method]
    order = sorted(range(len(errors)), key=errors.__getitem__)
    return {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}


def _caption(figures: Measurement) -> str:
    if figures.ssim is None:
        return f"about {figures.psnr:.2f} dB"
    return f"{figures.psnr:.2f} dB, SSIM {figures.ssim:.3f}"
