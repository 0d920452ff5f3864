"""Answers that readers of exercises 08 are known to give, and words of the hint that each should get."""

WRONG = {
    "unbiased_mmd": [
        (
            """
            def my_mmd(a, b, bandwidth):
                k = lambda x, y: (-torch.cdist(x, y) ** 2 / bandwidth).exp().mean()
                return k(a, a) + k(b, b) - 2 * k(a, b)
            """,
            "compared with itself",
        ),
        (
            """
            def my_mmd(a, b, bandwidth):
                k = lambda x, y: (-torch.cdist(x, y) ** 2 / bandwidth).exp()
                n, m = len(a), len(b)
                within = (k(a, a).sum() - n) / (n * (n - 1)) + (k(b, b).sum() - m) / (m * (m - 1))
                return within - k(a, b).mean()
            """,
            "how often",
        ),
        (
            """
            def my_mmd(a, b, bandwidth):
                k = lambda x, y: (-torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") / bandwidth).exp()
                n, m = len(a), len(b)
                within = (k(a, a).sum() - n) / (n * (n - 1)) + (k(b, b).sum() - m) / (m * (m - 1))
                return within - 2 * k(a, b).mean()
            """,
            "takes its square",
        ),
        (
            """
            def my_mmd(a, b, bandwidth):
                k = lambda x, y: (-torch.cdist(x, y) ** 2 / bandwidth).exp()
                return sum(k(x, x).fill_diagonal_(0).mean() for x in (a, b)) - 2 * k(a, b).mean()
            """,
            "when you divide",
        ),
        (
            """
            def my_mmd(a, b, bandwidth):
                k = lambda distances: (-(distances**2) / bandwidth).exp().mean()
                return (k(torch.pdist(a)) + k(torch.pdist(b)) - 2 * k(torch.cdist(a, b))).clamp(min=0)
            """,
            "falls below 0",
        ),
        ("def my_mmd(a, b, bandwidth): return tl.mmd(a, a)", "Where to look"),
        ("def my_mmd(a, b): return 0", "stopped"),
    ],
    "floor_of_biased_mmd": [
        ("floor = 0", "counts each row with itself"),
        ("floor = 0.008", "two samples"),
        ("floor = 2 / 50", "take the place"),
        ("floor = 2 / 49", "take the place"),
        ("floor = 'small'", "one number"),
    ],
    "choice_without_labels": [
        ("best_weight = cheating", "stopped"),
        ("def best_weight(logits, target): return 1.0", "none of the four"),
        ("def best_weight(logits, target): return {w: tl.information(row) for w, row in logits.items()}", "one λ"),
        (
            """
            def best_weight(logits, target):
                scores = [tl.information(row) for row in logits.values()]
                return scores.index(max(scores))
            """,
            "none of the four",
        ),
        (
            """
            def best_weight(logits, target):
                if target.y is None:
                    return 1.0
                return cheating(logits, target)
            """,
            "Something still reads them",
        ),
        (
            """
            def best_weight(logits, target):
                return tl.choose({w: row.softmax(1).max(1).values.mean().item() for w, row in logits.items()})
            """,
            "surest of each answer",
        ),
        (
            """
            def best_weight(logits, target):
                mean = {w: row.softmax(1).mean(0) for w, row in logits.items()}
                return tl.choose({w: -(p * p.log()).sum().item() for w, p in mean.items()})
            """,
            "spread most evenly",
        ),
        (
            "def best_weight(logits, target): return tl.choose({w: row.max().item() for w, row in logits.items()})",
            "no probability",
        ),
    ],
}
