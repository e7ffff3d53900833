"""The beginning of the report: which pairs were trained on, what was measured, and how."""

from typing import Any

from n2n.reproduce.data import Data
from n2n.reproduce.document import Block, Items, Paragraph

__all__ = ["introduction"]

SUBJECT = (
    "The experiments of “Noise2Noise from scratch: Miniproject 2 for Deep Learning (EE-559)” (Fantini, Okumuş, "
    "Vaudaux, 2022), run again from noisy pairs alone, with the report's figures beside the measured ones."
)

OTHER_IMAGES = (
    "The report measured on the course's 1,000 validation pairs, which are not public in full: the figures that stand "
    "beside each other are of other images."
)

MEASURES = (
    "**PSNR** is taken per image and then averaged, as the course's test does and by its size the report too; "
    "**overall** is from the mean squared error over all images. White is 1, outputs are clamped to [0, 1]. **Loss** "
    "is the mean squared error of the outputs as they are, against the clean images."
)

OPTIMIZER = (
    "Adam as it was published, at a constant rate, and the mean of the squared error. (The authors' own Adam has its "
    "epsilon inside the square root and begins with a plain gradient step, and their gradient is divided by the batch "
    "size alone.)"
)

BASELINES = (
    "The baselines learn nothing: the noisy input as it is, and a Gaussian blur whose σ is the best on training pairs "
    "against their noisy targets."
)


def introduction(part: dict[str, Any], data: Data) -> list[Block]:
    """Of the data's description and the data themselves."""
    scale, source = part["scale"], part["source"]
    blocks: list[Block] = [Paragraph(SUBJECT)]
    if scale != 1:
        whole = f"{len(data.pairs) / scale:,.0f}"
        quick = f"A quick pass at scale {scale:g}: an epoch has {len(data.pairs):,} pairs in place of {whole}."
        blocks.append(Paragraph(f"**{quick} These are not the report's conditions.**"))
    remarks = [
        f"**Training pairs**: {len(data.pairs):,}, {_pairs(source)}. The set is fixed; an epoch has each pair once, "
        "in an order that the seed decides; no augmentation.",
        f"**Held-out images**: {len(data.held_out.noisy):,} noisy ones and their clean ones, {_held_out(source)}.",
    ]
    if data.test is not None:
        test = part["test"]["name"]
        remarks.append(f"**Test images**: the {len(data.test.noisy):,} of `{test}`. Nothing is tuned on them.")
    if source["kind"] != "tensors":
        remarks.append(OTHER_IMAGES)
    return [*blocks, Items([*remarks, MEASURES, OPTIMIZER, BASELINES])]


def _pairs(source: dict[str, Any]) -> str:
    if source["kind"] == "tensors":
        return f"of `{source['training']['name']}`"
    if source["kind"] == "photos":
        name, pictures = source["photos"]["name"], source["photos"]["pictures"]
        return (
            f"simulated from nine in ten of the {pictures:,} photographs of `{name}` with the noise `{source['noise']}`"
        )
    return f"simulated from nine in ten of 200 procedural images with the noise `{source['noise']}`"


def _held_out(source: dict[str, Any]) -> str:
    if source["kind"] == "tensors":
        return f"of `{source['validation']['name']}`"
    return f"simulated likewise, from the {'photographs' if source['kind'] == 'photos' else 'images'} that are left"
