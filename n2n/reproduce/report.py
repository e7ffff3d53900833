"""Writes the report of a folder: Markdown, one HTML file, figures and results as JSON."""

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from n2n.images.files import write_whole
from n2n.reproduce.baselines import read_baselines
from n2n.reproduce.data import Data
from n2n.reproduce.document import Block, Heading, Items, Paragraph
from n2n.reproduce.experiments import experiments
from n2n.reproduce.folder import Folder
from n2n.reproduce.html import html_page
from n2n.reproduce.introduction import introduction
from n2n.reproduce.markdown import markdown
from n2n.reproduce.paper import paper_section
from n2n.reproduce.results import Results
from n2n.reproduce.sections import Measurements, section

__all__ = ["package_version", "write_report"]

TITLE = "Noise2Noise from scratch: the report, reproduced"


def write_report(folder: Folder) -> list[str]:
    """Writes `report.md`, `report.html`, the figures and `results.json` from the finished cells; returns their names.

    An experiment is in it if each of its rows has a finished cell at least.
    """
    records = folder.records()
    parts = folder.described()
    blocks: list[Block] = [Heading(1, TITLE)]
    if "course" in parts:
        blocks += _course(folder, parts["course"], Results(records))
    if "paper" in parts:
        blocks += paper_section(folder.path, parts["paper"], records)
    blocks += _made(records)
    write_whole(folder.path / "report.md", markdown(blocks).encode())
    write_whole(folder.path / "report.html", html_page(TITLE, blocks, folder.path).encode())
    results = {"package": package_version(), "data": parts, "cells": records}
    if "course" in parts:
        results["baselines"] = json.loads((folder.path / "data" / "baselines.json").read_text())
    write_whole(folder.path / "results.json", json.dumps(results, indent=1, allow_nan=False).encode())
    return ["report.md", "report.html", "results.json"]


def package_version() -> str:
    """The version of the package that is installed, or that there is none."""
    try:
        return version("noise2noise-tape")
    except PackageNotFoundError:
        return "not installed"


def _course(folder: Folder, part: dict[str, Any], results: Results) -> list[Block]:
    test = {} if part["test"] is None else {"test": "test"}
    of = Measurements(folder.path, results, read_baselines(folder.path), test | {"held_out": "held-out"})
    done = [experiment for experiment in experiments.values() if results.complete(experiment)]
    blocks = introduction(part, Data.open(folder.path))
    for experiment in done:
        blocks += section(experiment, of)
    return blocks


def _made(records: dict[str, dict[str, Any]]) -> list[Block]:
    """What computed the cells; several lines if several machines or settings did."""
    lines = []
    for record in records.values():
        made = record["made"]
        line = ", ".join(f"{name} {value}" for name, value in made.items() if name not in ("cpu", "processes"))
        line = f"{made['cpu']}; {line}; cells on one thread each, {made['processes']} at a time."
        if line not in lines:
            lines.append(line)
    seconds = sum(_seconds(record) for record in records.values())
    return [
        Heading(2, "How it was made"),
        Items([f"{len(records)} cells, {seconds / 3600:.1f} hours of training in all.", *lines]),
        Paragraph("Every cell with its settings, seed and figures is in `results.json`."),
    ]


def _seconds(record: dict[str, Any]) -> float:
    return float(record["epochs"][-1]["seconds"]) if "epochs" in record else float(record["seconds"])
