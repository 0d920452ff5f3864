"""Advice on a reader's own data: what is wrong with them, which encoder knows most, which learner to trust."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tlutils import advice_page
from tlutils.data_checks import check_data, copies
from tlutils.discrepancy import proxy_a_distance
from tlutils.domains import Domain, together
from tlutils.findings import Findings, Share
from tlutils.inputs import checked
from tlutils.learners import Fold, Learner, fine_tuned, folds_of, probe, self_trained
from tlutils.negative import guarded
from tlutils.normalisation import statistics_gap
from tlutils.own_data import read_own_data
from tlutils.own_linear import Linear, Table, rows_of
from tlutils.own_model import OwnModel, View, view
from tlutils.own_rows import OwnData, Remark
from tlutils.session import start
from tlutils.texts import TransformerEncoder
from tlutils.transferability import logme

ENOUGH = 50  # labelled rows from which a fifth is set aside for the last word
FEWEST = 40  # labelled rows for fine-tuning, unlabelled rows for self-training
FAR = 1.0  # proxy A-distance, of 2, from which unlabelled rows are called another domain
SAMPLE = 256  # rows from which a gap is measured
PARTS = (0.25, 0.5, 1.0)  # of the labels, for the learning curve
ASKED = 10  # unlabelled rows that are named as the ones to label first
GPU_ENCODERS = ("resnet50", "vit_b_16")
WORD = re.compile(r"\w+|[^\w\s]")


class Advice(Findings):
    """All that was found. Printed, it is a report; `save(folder)` keeps the report and the model."""

    def __repr__(self) -> str:
        return advice_page.as_text(self)

    def _repr_html_(self) -> str:
        return advice_page.as_html(self)

    @checked
    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write `report.html` and the folder `model` (weights, card, script) into a folder; return the report's path.

        Nothing is half-written. Raises FileExistsError when the folder holds either already, unless `force` allows
        to replace those two, and OSError for a folder that cannot be written.
        """
        return advice_page.save(self, Path(folder), force)


@checked
def advise(
    data: Domain | OwnData | str | Path,
    *,
    encoders: Sequence[str] | None = None,
    minutes: float = 3.0,
    seed: int = 0,
    **reading: Any,
) -> Advice:
    """Return advice on labelled images or texts: a domain, or what lies at a path (`reading`: see `read_own_data`).

    The data are checked; how far they lie from what each encoder knows is measured; and on held-out
    rows these are compared: a learner without any pretrained network (the fallback), a probe on each encoder,
    self-training where there are rows without label, and fine-tuning where it fits into the `minutes`.
    A transferred model is chosen only where it is right on more rows than the fallback (`guarded`).
    Copies never lie on both sides of a split. A test part, given or set aside (a fifth, from 50
    labelled rows), is looked at once, by the model and the fallback; the model was not trained on it.

    `encoders` are names for `image_encoder` or `text_encoder`; by default the embedded ones, in the GPU
    profile larger ones too. Raises ValueError for data that no advice can mend, OSError when weights
    cannot be had. Taught in notebook 20.
    """
    if not minutes >= 0:
        raise ValueError(f"minutes must be 0 or more, got {minutes}")
    began = time.perf_counter()
    own = _as_own(data, reading)
    remarks = [*own.remarks, *check_data(own)]
    domain, places, groups, test = _parted(own, seed)
    free = own.domain.subset(~own.domain.known) if (~own.domain.known).any() else None
    views = [view(name, own.texts) for name in _names(encoders, domain)]
    tables = {seen.name: seen.table(domain.x) for seen in views}
    folds = folds_of(domain.y, groups, seed)
    learners = [probe(seen, tables[seen.name], domain, folds) for seen in views]
    best = max(learners[1:], key=lambda one: int((one.predicted == domain.y).sum())).encoder
    seen, skipped = next(seen for seen in views if seen.name == best), {}
    free_table = None if free is None else seen.table(free.x)
    if free is not None and len(free) >= FEWEST:
        learners.append(self_trained(seen, tables[best], domain, free_table, folds))
    elif free is not None:
        skipped["self-training"] = f"{len(free)} rows without label are too few, {FEWEST} would do"
    left = 60 * minutes - (time.perf_counter() - began)
    tuned = fine_tuned(seen, domain, folds, seed, left) if len(domain) >= FEWEST else None
    if isinstance(tuned, Learner):
        learners.append(tuned)
    else:
        few = f"{len(domain)} labels are too few, {FEWEST} would do"
        skipped[f"fine-tuning {best}"] = few if tuned is None else _too_long(tuned, left)
    guard = guarded({one.name: one.predicted for one in learners}, domain.y, fallback=learners[0].name)
    chosen = next(one for one in learners if one.name == guard.choice)
    model = chosen.train(torch.arange(len(domain)))
    ask: tuple[str, ...] = ()
    if free is not None:
        remarks += _far(tables[best], free_table)
        ask = _least_sure(model, free, own)
    return Advice(
        domain=domain,
        places=places,
        remarks=tuple(remarks),
        unlabelled=0 if free is None else len(free),
        gaps={other.name: gap(other, domain) for other in views[1:]},
        evidence={other.name: logme(tables[other.name], domain.y) for other in views[1:]},
        learners=tuple(learners),
        skipped=skipped,
        guard=guard,
        curve=_curve(tables[chosen.encoder], domain, folds, seed),
        model=model,
        tested={} if test is None else _tested(learners[0], chosen, model, test),
        ask=ask,
        seconds=time.perf_counter() - began,
    )


@checked
def gap(seen: View, domain: Domain) -> float | None:
    """Return how far a domain lies from what an encoder knows: 0 is at home, None where nothing can be measured.

    Images: `statistics_gap`, on at most 256 of them. Texts: the tokens that an average word is cut into,
    less one, since a tokeniser keeps whole what its training data held often. Raises ValueError for rows that the
    encoder cannot read. Taught in notebook 20.
    """
    rows = torch.randperm(len(domain), generator=torch.Generator().manual_seed(0))[:SAMPLE]
    sample = domain.subset(rows).x
    if isinstance(sample, Tensor):
        return statistics_gap(seen.encoder, sample)
    if not isinstance(seen.encoder, TransformerEncoder):
        return None
    pairs = [(row, text) for row, text in zip(seen.encoder.tokens(sample), sample, strict=True)]
    kept = [(len(row) - 2, len(WORD.findall(text))) for row, text in pairs if len(row) < seen.encoder.limit]
    words = sum(count for _, count in kept)
    return sum(count for count, _ in kept) / words - 1 if words else None


def _as_own(data: Domain | OwnData | str | Path, reading: dict[str, Any]) -> OwnData:
    if isinstance(data, str | Path):
        return read_own_data(data, **reading)
    if reading:
        raise ValueError(f"{', '.join(reading)}: only for data that are read from a path")
    if isinstance(data, OwnData):
        return data
    if data.y is None or data.has_values:
        raise ValueError(f"{data.name} has no classes to learn: advice is on labelled images or texts")
    if isinstance(data.x, Tensor) and (data.x.ndim != 4 or data.x.shape[1] not in (1, 3)):
        raise ValueError(f"{data.name}: images must be (n, 1 or 3, h, w), got {tuple(data.x.shape)}")
    return OwnData(data, tuple(f"row {row}" for row in range(len(data))))


def _parted(own: OwnData, seed: int) -> tuple[Domain, tuple[str, ...], Tensor, Domain | None]:
    """Return the labelled rows to learn from, their places and groups of copies, and the test part, if any."""
    x = own.domain.x if own.test is None else together([own.domain.x, own.test.x])
    groups, known = copies(x), own.domain.known.clone()
    groups, of_test = groups[: len(own.domain)], groups[len(own.domain) :]
    known &= ~torch.isin(groups, of_test)
    counts = torch.bincount(own.domain.y[known], minlength=len(own.domain.classes))
    if (counts > 1).sum() < 2:
        raise ValueError(
            f"{own.domain.name}: at least two classes need two different examples each, one to learn from and one to "
            f"test on; the largest class has {counts.max()}. Collect more, ten of each class would be a start"
        )
    rows, test = known.nonzero().squeeze(1), own.test
    if test is None and len(rows) >= ENOUGH:
        aside = folds_of(own.domain.y[rows], groups[rows], seed)[0][1]
        aside = aside[counts[own.domain.y[rows[aside]]] > 2]  # of two examples both are needed to learn
        test = own.domain.subset(rows[aside])
        rows = rows[~torch.isin(torch.arange(len(rows)), aside)]
    return own.domain.subset(rows), tuple(own.places[row] for row in rows.tolist()), groups[rows], test


def _names(encoders: Sequence[str] | None, domain: Domain) -> list[str]:
    """Return the fallback's name and the encoders' after it."""
    if not isinstance(domain.x, Tensor):
        letters = "".join(domain.x[:SAMPLE])
        chinese = sum("一" <= letter <= "鿿" for letter in letters) > len(letters) / 4
        return ["bag of words", *(encoders or ["chinese-student" if chinese else "minilm"])]
    grey = domain.x.shape[1] == 1
    usual = ["glyphs"] if grey else ["photos", "textures", *(GPU_ENCODERS if start().full else ())]
    return ["raw pixels", *dict.fromkeys(encoders or usual)]


def _too_long(needed: float, left: float) -> str:
    if left <= 0:
        return "no time was left; allow more with minutes=…"
    return f"it would take about {needed / 60:.1f} minutes, {left / 60:.1f} were left; allow more with minutes=…"


def _tested(fallback: Learner, chosen: Learner, model: OwnModel, test: Domain) -> dict[str, Share]:
    models = {fallback.name: fallback.train(torch.arange(len(fallback.probabilities))), chosen.name: model}
    return {
        name: Share(int((m.probabilities(test.x).argmax(1) == test.y).sum()), len(test)) for name, m in models.items()
    }


def _curve(table: Table, domain: Domain, folds: Sequence[Fold], seed: int) -> dict[int, Share]:
    """Return the accuracy of a linear layer that learns from a part of the labels of each fold."""
    generator, points = torch.Generator().manual_seed(seed), {}
    for part in PARTS:
        right, learnt = 0, 0
        for rows, held_out in folds:
            few = rows[torch.randperm(len(rows), generator=generator)[: max(2, round(part * len(rows)))]]
            layer = Linear.fitted(rows_of(table, few), domain.y[few], len(domain.classes))
            right += int((layer(rows_of(table, held_out)).argmax(1) == domain.y[held_out]).sum())
            learnt += len(few)
        points[round(learnt / len(folds))] = Share(right, sum(len(held_out) for _, held_out in folds))
    return points


def _far(table: Table, free: Table) -> list[Remark]:
    distance = proxy_a_distance(table, free)
    if distance < FAR:
        return []
    return [
        Remark(
            f"rows with and without label are easily told apart (proxy A-distance {distance:.1f} of 2): two domains",
            "the accuracy below is that of the labelled ones; notebooks 04 and 08 adapt, a few labels there would tell",
        )
    ]


def _least_sure(model: OwnModel, free: Domain, own: OwnData) -> tuple[str, ...]:
    places = [place for place, known in zip(own.places, own.domain.known.tolist(), strict=True) if not known]
    sure = model.probabilities(free.x).max(1).values
    return tuple(places[row] for row in sure.argsort(stable=True)[:ASKED].tolist())
