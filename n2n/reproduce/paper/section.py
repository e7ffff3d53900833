"""The paper's table, as a section of the report."""

from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from n2n.denoising.denoise import Trained, denoise
from n2n.metrics import decibels, squared_errors
from n2n.networks import network
from n2n.noise import parse_noise
from n2n.reproduce.document import Block, Heading, Items, Paragraph, Picture, Table
from n2n.reproduce.paper.baselines import comparisons
from n2n.reproduce.paper.data import noisy_picture, test_sets
from n2n.reproduce.paper.kinds import KINDS
from n2n.reproduce.parameters import load_parameters
from n2n.reproduce.results import Spread, spread
from n2n.training.figures import before_and_after

__all__ = ["paper_section"]

Record = dict[str, Any]
Records = dict[str, Record]

SIDE = 160  # of the part that is shown

HEADER = (
    "",
    "pictures",
    "noisy",
    "comparisons",
    "clean targets",
    "noisy targets",
    "noisy − clean targets",
    "paper: comparison",
    "paper: clean targets",
    "paper: noisy targets",
)


def paper_section(folder: Path, part: dict[str, Any], records: Records) -> list[Block]:
    """The table of the noises whose cells are finished, and a picture of each; nothing if there is none."""
    trained = [record for record in records.values() if "paper" in record]
    baselines = {kind: _baselines(records, kind) for kind in KINDS}
    kinds = [kind for kind in KINDS if baselines[kind] and _targets(trained, kind) == {"noisy", "clean"}]
    if not kinds:
        return []
    names = list(baselines[kinds[0]][0]["sets"])
    lines = [_line(name, kind, trained, baselines[kind]) for name in names for kind in kinds]
    _draw(folder, kinds, records)
    seeds = len({record["paper"]["seed"] for record in trained})
    methods = [record["baseline"] for kind in kinds for record in baselines[kind]]
    blocks: list[Block] = [
        Heading(2, "The Noise2Noise paper: noisy targets against clean ones"),
        Paragraph(
            "The paper's U-Net (991,203 parameters), trained with noisy and with clean targets in the same way, on the "
            "same crops, from the same first parameters. PSNR in dB, per picture and then averaged, beside Table 1 of "
            "the paper (arXiv 1803.04189). "
            + ("One seed." if seeds == 1 else f"Mean ± standard deviation over {seeds} seeds.")
        ),
    ]
    if part["scale"] != 1:
        blocks.append(Paragraph(f"**A quick pass at scale {part['scale']:g} of the steps and of the pictures.**"))
    return [
        *blocks,
        Table(HEADER, lines),
        Picture("paper.png", "A part of the first test picture at each noise, and what each method makes of it"),
        Items([_sets(names), _training(part, trained), _noises(kinds), _comparisons(methods)]),
    ]


# What a reader has to know ----------------------------------------------------------------------------------


def _sets(names: list[str]) -> str:
    theirs = {_paper_name(name) for name in names}
    parts = []
    if "Kodak" in theirs:
        parts.append("Kodak is 24 crops of 500×500 pixels here, where the paper has the whole pictures")
    if "BSD300" in theirs:
        parts.append("CBSD68 stands in for BSD300")
    return f"**These are not the paper's sets**{': ' if parts else ''}{'; '.join(parts)}."


def _training(part: dict[str, Any], trained: list[Record]) -> str:
    photos, cell = part["photos"], trained[0]["paper"]
    pictures = f"{photos['pictures']:,} photographs of `{photos['name']}`" if photos else "procedural images"
    crops = f"{cell['batch']} crops of {cell['crop']}×{cell['crop']} pixels of {pictures}"
    minutes = max(record["seconds"] for record in trained) / 60
    return (
        f"**Nor is it the paper's length of training**: {cell['steps']:,} steps of {crops}, at most {minutes:.1f} "
        "minutes on one thread, where the paper trained on a GPU with crops of 256×256 pixels of 50,000 pictures. What "
        "can be compared is noisy with clean targets here."
    )


def _noises(kinds: list[str]) -> str:
    train, test = (", ".join(f"`{noise}`" for noise in noises) for noises in zip(*map(_strengths, kinds), strict=True))
    return (
        f"Trained over a range of noise ({train}) and tested at one strength ({test}), as in the paper. The loss is "
        "the squared error; pixels that a target lacks are masked."
    )


def _strengths(kind: str) -> tuple[str, str]:
    return KINDS[kind].train, KINDS[kind].test


def _comparisons(methods: list[Record]) -> str:
    tuned = (f"{KINDS[each['kind']].title}: {each['name']} ({each['parameter']:g})" for each in methods)
    return (
        f"Comparisons, each tuned on other pictures: {'; '.join(tuned)}. The paper compares with BM3D, with BM3D "
        "after Anscombe's transformation, and with deep image prior. The `bm3d` package is free for non-commercial use "
        "alone and is not used: non-local means stand in for it, and sliding DCT beside them."
    )


# The table --------------------------------------------------------------------------------------------------


def _baselines(records: Records, kind: str) -> list[Record]:
    """The records of the comparisons at a noise, if all are there."""
    found = {
        each["baseline"]["name"]: each for each in records.values() if each.get("baseline", {}).get("kind") == kind
    }
    return [found[name] for name in comparisons[kind]] if found.keys() >= comparisons[kind].keys() else []


def _targets(trained: list[Record], kind: str) -> set[str]:
    return {record["paper"]["targets"] for record in trained if record["paper"]["kind"] == kind}


def _line(name: str, kind: str, trained: list[Record], baselines: list[Record]) -> list[str]:
    def of(targets: str) -> Spread:
        chosen = [each for each in trained if (each["paper"]["kind"], each["paper"]["targets"]) == (kind, targets)]
        return spread([each["sets"][name]["psnr"] for each in chosen])

    clean, noisy = of("clean"), of("noisy")
    apart = "" if clean.mean is None or noisy.mean is None else f"{noisy.mean - clean.mean:+.2f}"
    paper_name = _paper_name(name)
    theirs = ["", "", ""]
    if paper_name is not None:
        figures = KINDS[kind].figures[paper_name]
        theirs = [f"{figures[2]:.2f} ({KINDS[kind].comparison})", f"{figures[0]:.2f}", f"{figures[1]:.2f}"]
        theirs[0] += "" if paper_name == name else f", {paper_name}"
    return [
        f"{name}, {KINDS[kind].title}",
        str(baselines[0]["sets"][name]["pictures"]),
        f"{baselines[0]['noisy'][name]['psnr']:.2f}",
        ", ".join(f"{each['sets'][name]['psnr']:.2f} ({each['baseline']['name']})" for each in baselines),
        clean.text(2),
        noisy.text(2),
        apart,
        *theirs,
    ]


def _paper_name(name: str) -> str | None:
    """The paper's set that stands beside a set of this name."""
    known = {"kodak": "Kodak", "bsd": "BSD300", "set14": "Set14"}
    return next((theirs for part, theirs in known.items() if part in name.lower()), None)


# The picture ------------------------------------------------------------------------------------------------


def _draw(folder: Path, kinds: list[str], records: Records) -> None:
    """A row for each noise: a part of the first test picture, and what everybody makes of it."""
    whole = next(iter(test_sets(folder).values()))[0]
    top, left = (max(0, (size - SIDE) // 2) for size in whole.shape[1:])
    clean = whole[:, top : top + SIDE, left : left + SIDE]
    rows = [_row(folder, kind, clean, records) for kind in kinds]
    columns = {title: torch.stack([row[title] for row in rows]) for title in rows[0]}
    captions = {
        title: [f"{value:.2f} dB" for value in decibels(squared_errors(images, columns["clean"])).tolist()]
        for title, images in columns.items()
        if title != "clean"
    }
    before_and_after(folder / "paper.png", columns, captions)


def _row(folder: Path, kind: str, clean: Tensor, records: Records) -> dict[str, Tensor]:
    noisy = noisy_picture(clean, 0, parse_noise(KINDS[kind].test))
    *_, last = _baselines(records, kind)
    function = comparisons[kind][last["baseline"]["name"]].function
    row = {"noisy": noisy, "comparison": function(noisy[None], last["baseline"]["parameter"])[0]}
    for key, record in records.items():
        if record.get("paper", {}).get("kind") == kind:
            title = f"{record['paper']['targets']} targets"
            row.setdefault(title, _denoised(folder / "cells" / f"{key}.safetensors", noisy))
    return row | {"clean": clean}


def _denoised(parameters: Path, noisy: Tensor) -> Tensor:
    layer = network("unet", noisy.shape[0])
    like, _ = layer.init(Generator(), tuple(noisy.shape))
    return denoise(Trained(layer, load_parameters(parameters, like), noisy.shape[0]), noisy)
