"""Experiments on texts too long for a notebook; `python -m tlutils.experiments sentiment` runs them."""

from __future__ import annotations

import torch

from tlutils.datasets import reviews
from tlutils.domains import Domain
from tlutils.features import extract_features, linear_probe
from tlutils.finetune import add_lora
from tlutils.nets import Classifier
from tlutils.session import seed_everything
from tlutils.text_encoders import text_encoder
from tlutils.train import accuracy, fit

LABELS = (5, 25, 100)


def sentiment(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on plain reviews against labels: bag of words, probe, fine-tuning, LoRA (notebook 12)."""
    torch.set_num_threads(1)
    train, test = (reviews.reviews(style="plain", part=part) for part in ("train", "test"))
    encoder = text_encoder("minilm")
    known, unseen = (part.map(lambda x: extract_features(encoder, x)) for part in (train, test))
    results: dict[str, dict[str, float]] = {}
    for n in LABELS:
        few, rows = train.few(n, seed), known.few(n, seed)
        scores = {
            "bag of words": bag_of_words(few).score(test.x, test.y),
            "MiniLM, frozen": linear_probe(rows.x, rows.y, regularisation=0.01).score(unseen.x, unseen.y),
            "MiniLM, fine-tuned": accuracy(tuned(few, seed), test),
            "MiniLM, LoRA": accuracy(tuned(few, seed, rank=8, lr=2e-3), test),
        }
        for name, score in scores.items():
            results.setdefault(name, {})[str(2 * n)] = score
        print(f"seed {seed}, {2 * n} labels: {scores}", flush=True)
    return results


def bag_of_words(domain: Domain):
    """Return a scikit-learn pipeline, fitted: weighted counts of words and pairs of words, logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(counts, LogisticRegression(C=10, max_iter=1000)).fit(domain.x, domain.y)


def tuned(domain: Domain, seed: int, *, rank: int = 0, lr: float = 2e-4, steps: int = 40) -> Classifier:
    """Return MiniLM trained on a domain of texts: all weights, or LoRA of a rank."""
    seed_everything(seed)
    model = Classifier(text_encoder("minilm").requires_grad_(True), domain.classes)
    if rank:
        add_lora(model, rank)
    fit(model, domain, steps=steps, batch_size=10, lr=lr, seed=seed)
    return model
