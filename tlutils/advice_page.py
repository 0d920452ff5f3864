"""The advice as words: for a terminal, as a page of HTML, and as files."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from textwrap import fill

import torch
from torch import Tensor

from tlutils.encoders import EMBEDDED
from tlutils.findings import Findings, Share
from tlutils.inputs import checked
from tlutils.own_rows import counted
from tlutils.plots import image_grid, picture, shares

REPORT, MODEL = "report.html", "model"
SURE, SHOWN = 0.9, 160  # probability of an answer that counts as sure; characters of a text
NOTHING = "Nothing was found: no copies, no leak, no class too small."

TEMPLATE = Path(__file__).with_name("advice_page.html")


@checked
def as_text(advice: Findings) -> str:
    """Return the report in lines of at most 100 characters, tables apart."""
    lines = [f"Advice on {advice.domain.name}", "", verdict(advice), summary(advice), "", "What to mend first"]
    lines += [f"- {sentence(what)} {sentence(fix)}" for what, fix in advice.remarks] or [f"- {NOTHING}"]
    lines += ["", "What the encoders know (gap to their training data, LogME, accuracy of a probe)"]
    lines += [
        f"  {name:<18} {gap:>6} {evidence:>8} {accuracy:>8}" for name, gap, evidence, accuracy in _encoders(advice)
    ]
    lines += [_scale(advice), ""]
    lines += ["Which way of learning to trust (accuracy on held-out rows, 95 % interval; balanced; seconds)"]
    lines += [f"  {name:<30} {share:<18} {balanced:>6} {time:>6}" for name, share, balanced, time in _learners(advice)]
    lines += findings(advice)
    if found := advice.mistakes(6):
        lines += ["", "Its surest mistakes: look at these first, some of the labels may be wrong"]
        lines += [
            f"  {advice.places[row]}: {label}, taken for {answer} ({sure:.0%})" for row, label, answer, sure in found
        ]
    if advice.ask:
        lines += ["", f"Rows to label next, of which the model is least sure: {', '.join(advice.ask)}"]
    return "\n".join(
        line if line[:2] == "  " else fill(line, 100, subsequent_indent="  " * (line[:1] == "-")) for line in lines
    )


@checked
def as_html(advice: Findings, *, page: bool = False) -> str:
    """Return the report as HTML, for a notebook or as a `page` of its own; all that comes from the data is escaped."""
    from jinja2 import Environment

    environment = Environment(autoescape=True)
    environment.filters["sentence"] = sentence
    found, texts = advice.mistakes(), not isinstance(advice.domain.x, Tensor)
    mistakes = [
        (advice.places[row], label, answer, f"{sure:.0%}", *([advice.domain.x[row][:SHOWN]] if texts else []))
        for row, label, answer, sure in found
    ]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        page=page,
        name=advice.domain.name,
        verdict=verdict(advice),
        summary=summary(advice),
        remarks=advice.remarks,
        nothing=NOTHING,
        encoders=_encoders(advice),
        scale=_scale(advice),
        learners=_learners(advice),
        figure=_figure(advice),
        findings=findings(advice),
        mistakes=mistakes,
        pictures="" if texts or not found else _pictures(advice, [row for row, *_ in found]),
        texts=texts,
        ask=advice.ask,
    )


@checked
def save(advice: Findings, folder: Path, force: bool) -> Path:
    """Write report and model into a folder; see `Advice.save`. Raises FileExistsError and OSError as it does."""
    refuse_to_replace(folder, force)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
        fresh = Path(temporary)
        (fresh / MODEL).mkdir()
        advice.model.save(fresh / MODEL, _card(advice))
        (fresh / REPORT).write_text(as_html(advice, page=True), encoding="utf-8", errors="replace")
        if (folder / MODEL).exists():
            os.replace(folder / MODEL, fresh / "old")
        os.replace(fresh / MODEL, folder / MODEL)
        os.replace(fresh / REPORT, folder / REPORT)
    return folder / REPORT


@checked
def refuse_to_replace(folder: Path, force: bool) -> None:
    """Raise FileExistsError for a folder with a report or a model, unless forced; OSError if it cannot be written."""
    refuse_unwritable(folder)
    taken = [name for name in (REPORT, MODEL) if (folder / name).exists()]
    if taken and not force:
        raise FileExistsError(
            f"{folder / taken[0]} exists already: name another folder, or replace it with force=True (--force)"
        )


@checked
def refuse_unwritable(folder: Path) -> None:
    """Raise OSError when nothing can be written where a folder lies or would lie."""
    try:
        if "\0" in str(folder):
            raise OSError("a name cannot hold a zero")
        there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        why = error.strerror or error
        raise OSError(f"{folder} cannot be written ({why}): name another folder with --output") from error


@checked
def verdict(advice: Findings) -> str:
    """Return the one sentence that matters most."""
    guard, fallback = advice.guard, advice.learners[0].name
    if guard.choice == fallback:
        return f"Do not transfer: no encoder did better than {fallback}, without any pretrained network."
    gained = 100 * (guard.better - guard.worse) / len(advice.domain)
    if _chance(guard.better, guard.worse) > 0.05:
        return f"Use {guard.choice}; but its lead over {fallback} may be luck."
    return f"Transfer helps: {guard.choice} is {gained:.1f} points ahead of {fallback} on held-out rows."


@checked
def summary(advice: Findings) -> str:
    """Return what was looked at and what the model reached, in a sentence or two."""
    told = f"{counted(len(advice.domain), 'labelled row')} of {counted(len(advice.domain.classes), 'class')}"
    told += f", and {advice.unlabelled:,} without label" if advice.unlabelled else ""
    if not advice.tested:
        reached = _share(advice.accuracy(advice.chosen))
        return (
            f"{told}: too few to set some aside. On held-out rows the model is right on {reached}. It was "
            "chosen on the same rows, which flatters."
        )
    told = f"Learnt from {told}. On {counted(next(iter(advice.tested.values())).n, 'row')} kept aside, "
    return told + ", ".join(f"{name} is right on {_share(share)}" for name, share in advice.tested.items()) + "."


@checked
def findings(advice: Findings) -> list[str]:
    """Return sentences on the chosen learner: its lead, its certainty, what labels brought, what was not tried."""
    guard, fallback = advice.guard, advice.learners[0].name
    lines = []
    if guard.choice != fallback:
        lines.append(
            f"{sentence(guard.choice)[:-1]} is right on {counted(guard.better, 'row')} that {fallback} has wrong, and "
            f"wrong on {guard.worse:,} that it has right. Two equally good models would differ so far with "
            f"probability {_chance(guard.better, guard.worse):.2g}."
        )
    sure, answer = advice.chosen.probabilities.max(1)
    some = sure >= SURE
    if some.any():
        right = (answer == advice.domain.y)[some].double().mean().item()
        part = some.double().mean().item()
        lines.append(f"Where it is at least {SURE:.0%} sure, on {part:.0%} of the rows, it is right in {right:.0%}.")
    points = list(advice.curve.items())
    steps = ", ".join(f"{share.value:.1%} with {labels}" for labels, share in points)
    gain = 100 * (points[-1][1].value - points[-2][1].value)
    lines.append(f"A linear layer reaches {steps} labels: the last doubling brought {gain:+.1f} points.")
    lines += [sentence(f"not tried: {what}, because {why}") for what, why in advice.skipped.items()]
    if isinstance(advice.domain.x, Tensor) and not {*advice.gaps} - {*EMBEDDED}:
        more = "encoders=['photos', 'resnet50'] compares with one of ImageNet (98 MB)."
        lines.append(f"Larger encoders know more: {more}")
    return lines


@checked
def sentence(text: str) -> str:
    """Return a text with its first letter large, unless it is a name in quotes, and a full stop or its own dots."""
    return text[:1].upper() + text[1:] + "." * (text[-1:] != "…")


def _chance(better: int, worse: int) -> float:
    """Return how probable so uneven a split of the rows on which two models differ is, if they are equally good."""
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.1%} [{100 * low:.0f}, {100 * high:.0f}]"


def _encoders(advice: Findings) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, gap in advice.gaps.items():
        probe = next(one for one in advice.learners if one.encoder == name)
        value = advice.accuracy(probe).value
        cells = name, "–" if gap is None else f"{gap:.2f}", f"{advice.evidence[name]:.3f}", f"{value:.1%}"
        rows.append((value, cells))
    return [cells for _, cells in sorted(rows, key=lambda row: -row[0])]


def _scale(advice: Findings) -> str:
    if isinstance(advice.domain.x, Tensor):
        known = "Gap: 0 is what an encoder learnt from."
        return f"{known} For the encoder photos, other photographs read about 0.05, noise about 0.4."
    return "Gap: at 0 every word is known whole, at 1 the average word is cut in two, as in another language or jargon."


def _learners(advice: Findings) -> list[tuple[str, str, str, str]]:
    return [
        (
            one.name + (" (chosen)" if one is advice.chosen else ""),
            _share(advice.accuracy(one)),
            f"{advice.balanced(one):.1%}",
            f"{one.seconds:.1f}",
        )
        for one in advice.learners
    ]


def _figure(advice: Findings) -> str:
    values = {one.name: (advice.accuracy(one).value, *advice.accuracy(one).interval) for one in advice.learners}
    told = "; ".join(f"{name} {value:.0%}" for name, (value, *_) in values.items())
    figure = shares(values, title="Accuracy on held-out rows, with 95 % intervals")
    return picture(figure, f"Accuracy on held-out rows: {told}.")


def _pictures(advice: Findings, rows: list[int]) -> str:
    names = [f"{advice.domain.classes[advice.domain.y[row]]}?" for row in rows]
    return picture(image_grid(advice.domain.x[rows], names, columns=6), "The surest mistakes, each under its label.")


def _card(advice: Findings) -> dict:
    share = advice.tested.get(advice.guard.choice) or advice.accuracy(advice.chosen)
    rows = "kept aside" if advice.tested else "cross-validation"
    return {
        "learner": advice.guard.choice,
        "trained on": f"{advice.domain.name}: {len(advice.domain)} labelled rows",
        "accuracy": {"right": share.right, "of": share.n, "rows": rows},
        "made by": f"tlutils.advise, torch {torch.__version__}",
        "date": date.today().isoformat(),
        "not for": "other kinds of data than it was trained on: its accuracy there is not known",
        "licence": "the encoder's and your data's licences apply",
    }
