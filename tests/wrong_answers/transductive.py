"""Answers that readers of exercises 04 are known to give, and words of the hint that each should get."""

WEIGHTED = """
def accuracy_there(correct, p):
    w = {}
    return (w * correct).sum() / w.sum(), w.sum() ** 2 / (w ** 2).sum()
"""

PREDICTED = """
def predictions(source, target):
    def scaled(x, like):
        return (x - like.mean(0)) / (like.std(0) + 1e-6)

    both = torch.cat([source.x, target.x])
    return tl.linear_probe(scaled(source.x, {}), source.y).predict(scaled(target.x, {}))
"""

WRONG = {
    "weighted_accuracy": [
        (WEIGHTED.format("p"), "the probability that a row is of the target"),
        (WEIGHTED.format("(1 - p) / p"), "count least"),
        (WEIGHTED.format("torch.ones_like(p)"), "accuracy at home"),
        (
            """
            def accuracy_there(correct, p):
                w = p / (1 - p)
                return (w * correct).mean(), tl.effective_size(w)
            """,
            "can exceed 1",
        ),
        (
            """
            def accuracy_there(correct, p):
                w = p / (1 - p)
                return (w * correct).sum() / w.sum(), w.sum()
            """,
            "all weights are doubled",
        ),
        (
            """
            def accuracy_there(correct, p):
                w = p / (1 - p)
                return (w * correct).sum() / w.sum(), tl.effective_size(w) / len(w)
            """,
            "a share of the n rows",
        ),
        ("def accuracy_there(correct, p): return correct.float().mean()", "shape (2,)"),
    ],
    "lowest_accuracy": [
        ("lowest = 0.9", "the weighted estimate reads"),
        ("lowest = 0.6 * 0.9 + 0.4", "highest"),
        ("lowest = 0.6 * 0.9 + 0.4 * 0.1", "worse than guess"),
        ("lowest = 0.96", "accuracy at home"),
        ("lowest = 54", "in per cent"),
        ("lowest = 0.7", "too high"),
    ],
    "standardised_without_labels": [
        ("predictions = cheating", "canary has died"),
        ("def predictions(source, target): return [source.classes[0]] * len(target)", "class numbers are asked for"),
        (
            """
            def predictions(source, target):
                rows = {c: target.y == c for c in target.y.unique()}
                return cheating(source, target)
            """,
            "stopped for a target without labels",
        ),
        (PREDICTED.format("source.x", "source.x"), "one mean and one spread"),
        (PREDICTED.format("both", "both"), "one mean and one spread"),
        (
            """
            def predictions(source, target):
                x = (source.x - source.x.mean(0)) / (source.x.std(0) + 1e-6)
                return tl.linear_probe(x, source.y).predict(target.x)
            """,
            "the target is not standardised",
        ),
        (
            """
            def predictions(source, target):
                x = (source.x - source.x.mean(0)) / (source.x.std(0) + 1e-6)
                return tl.linear_probe(x, source.y).predict_proba(target.x)
            """,
            "a class number for each",
        ),
    ],
}
