"""English labels on Chinese hotel reviews; `python -m tlutils.experiments languages` runs it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from tlutils.datasets import corpora
from tlutils.domains import Domain, together
from tlutils.features import extract_features, linear_probe
from tlutils.gloss import gloss
from tlutils.lexicon import first_senses, frequent_senses, published_pairs
from tlutils.text_encoders import text_encoder

LABELS = (10, 25, 50, 100, 250)  # Chinese ones, of each class
HEAD = 0.01  # inverse strength of the probes, as in notebook 12
GUESSED, SURE = 1.0, 10.0  # of models of characters: labels that may be wrong call for more regularisation
TRUE = 10.0  # what a true label counts among guessed ones
RAW, FIRST, GLOSS, STUDENT, BOTH = "no help", "gloss, first senses", "gloss", "student", "gloss and student"


def languages(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on Chinese hotel reviews without a Chinese label, and with some of them (notebook 13).

    English labels: SST-2's and Amazon's. Half of the hotel reviews, by the seed, are met without labels,
    or give the few; the other half is scored: the mean of the shares right in either class.
    """
    reviews, views, scores = hotel_reviews(), hotel_views(), {}
    met, unseen = halves(len(reviews), seed)
    for name, view in views.items():
        scores[f"{name}, as it comes"] = english_probe(centred=False).decision_function(view[:, varying()])
        scores[name] = english_probe().decision_function(standardised(view, met))
    scores[BOTH] = scaled(scores[GLOSS], met) + scaled(scores[STUDENT], met)
    results = {name: balanced(reviews.y[unseen], score[unseen] > 0) for name, score in scores.items()}
    known, test = reviews.subset(met), reviews.subset(unseen)
    guesses = {name: torch.tensor(scores[name][met] > 0).long() for name in (GLOSS, STUDENT, BOTH)}
    for name, guessed in guesses.items():
        results[f"{name}, passed on"] = right(characters(replace(known, y=guessed), GUESSED), test)
    curves: dict[str, dict[str, float]] = {"Chinese labels": {}, "transfer and Chinese labels": {}}
    for n in LABELS:
        few = known.few(n, seed)
        curves["Chinese labels"][str(2 * n)] = right(characters(few, SURE), test)
        curves["transfer and Chinese labels"][str(2 * n)] = right(corrected(known, guesses[BOTH], few), test)
    results["all Chinese labels of the half"] = right(characters(known, SURE), test)
    print(f"seed {seed}: {results}, {curves}", flush=True)
    return {"no Chinese label": results, **curves}


@cache
def hotel_reviews() -> Domain:
    """Return ChnSentiCorp's reviews, read once."""
    return corpora.chnsenticorp()


@cache
def hotel_views() -> dict[str, Tensor]:
    """Return the features of the hotel reviews in four views: two glosses and no help for MiniLM, and the student's."""
    entries, texts = corpora.cc_cedict(), hotel_reviews().x
    first, frequent = first_senses(entries), frequent_senses(entries, *published_pairs())
    student = text_encoder("chinese-student")
    return {
        RAW: rows(texts),
        FIRST: rows([gloss(text, first) for text in texts]),
        GLOSS: rows([gloss(text, frequent) for text in texts]),
        STUDENT: extract_features(student, texts),
    }


def rows(texts: list[str]) -> Tensor:
    return extract_features(text_encoder("minilm"), texts, allow_bfloat16=True)


@cache
def english() -> tuple[list[Tensor], Tensor]:
    """Return MiniLM's rows of SST-2 and of Amazon's reviews, apart, and all labels."""
    parts = [corpora.sst2("train"), *(corpora.amazon(category) for category in corpora.CATEGORIES)]
    sources = [parts[0].x, together([part.x for part in parts[1:]])]
    return [rows(texts) for texts in sources], torch.cat([part.y for part in parts])


@cache
def english_probe(centred: bool = True):
    """Return a probe on English labels; each corpus is standardised unless told otherwise."""
    sources, labels = english()
    parts = [standardised(part) if centred else part[:, varying()] for part in sources]
    return linear_probe(torch.cat(parts), labels, regularisation=HEAD)


@cache
def varying() -> Tensor:
    """Return a mask of the columns of MiniLM that vary: three hardly do, and a probe would blow up their noise."""
    return torch.cat(english()[0]).std(0) > 1e-3


def standardised(features: Tensor, rows: Tensor | slice = slice(None)) -> Tensor:
    """Return the varying columns of features (n, d), by the mean and standard deviation of the rows at `rows`."""
    features = features[:, varying()]
    return (features - features[rows].mean(0)) / features[rows].std(0)


def scaled(score, rows: Tensor):
    """Return scores (n,) in units of their standard deviation at `rows`."""
    return score / score[rows].std()


def halves(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return the positions of a random half of n rows, and of the other, each ascending."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return order[: n // 2].sort().values, order[n // 2 :].sort().values


def characters(domain: Domain, strength: float, weights: Tensor | None = None):
    """Return a scikit-learn pipeline, fitted: characters and pairs weighted by TF-IDF, logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    counts = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(counts, LogisticRegression(C=strength, max_iter=1000))
    return model.fit(domain.x, domain.y, logisticregression__sample_weight=weights)


def corrected(known: Domain, guessed: Tensor, few: Domain):
    """Return a model of characters taught by guesses for all known reviews and a few true labels, which count more."""
    weights = torch.cat([torch.ones(len(known)), torch.full((len(few),), TRUE)])
    both = Domain([*known.x, *few.x], torch.cat([guessed, few.y]), known.classes, known.name)
    return characters(both, GUESSED, weights)


def right(model, domain: Domain) -> float:
    return balanced(domain.y, model.predict(domain.x))


def balanced(labels: Tensor, predictions) -> float:
    """Return the mean of the shares right in either class, which a constant answer cannot lift above a half."""
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score(labels, predictions))
