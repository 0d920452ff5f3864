"""Answers that readers of exercises 16 are known to give, and words of the hint that each should get."""

WRONG = {
    "guard_on_validation": [
        ("guard = careless", "all rows vote"),
        (
            """
            def guard(transferred, alone, y, rows):
                return careless(*(part[rows["test"]] for part in (transferred, alone, y)), None)
            """,
            "also report",
        ),
        (
            """
            def guard(transferred, alone, y, rows):
                few, test = rows["train"], rows["test"]
                chosen = careless(transferred[few], alone[few], y[few], rows)[0]
                guess = transferred if chosen == "transferred" else alone
                return chosen, (guess[test] == y[test]).float().mean()
            """,
            "one of the two was trained on",
        ),
        (
            """
            def guard(transferred, alone, y, rows):
                few = rows["validation"]
                pair = {"alone": alone, "transferred": transferred}
                right = {name: (guess == y)[few].float().mean() for name, guess in pair.items()}
                chosen = max(right, key=right.get)
                return chosen, right[chosen]
            """,
            "the report is not",
        ),
        (
            """
            def guard(transferred, alone, y, rows):
                few, test = rows["validation"], rows["test"]
                better = (transferred == y)[few].sum() >= (alone == y)[few].sum()
                guess = transferred if better else alone
                return "transferred" if better else "alone", (guess == y)[test].float().mean()
            """,
            "prove itself",
        ),
        ("def guard(transferred, alone, y, rows): return 'alone', 0.5", "Where to look"),
        ("def guard(transferred, alone, y): return 'alone', 0.5", "stopped"),
    ],
    "ceiling_of_equal_clouds": [
        ("ceiling = 1.0", "named more often than it is true"),
        ("ceiling = 0.45", "must go wrong"),
        ("ceiling = 0.7 * 0.25 + 0.2 * 0.25 + 0.1 * 0.5", "know nothing of the row"),
        ("ceiling = 0.7", "How often is it true"),
        ("ceiling = 0.5", "always names one class"),
        ("ceiling = 0.6", "too high"),
        ("ceiling = 'high'", "one number"),
    ],
    "class_shares_from_guesses": [
        (
            """
            def class_shares(counts, guesses):
                return torch.bincount(guesses, minlength=len(counts)) / len(guesses)
            """,
            "shares of the guesses",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                return counts / counts.sum(0) @ q
            """,
            "mixed otherwise",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                p = torch.linalg.solve(counts / counts.sum(1, keepdim=True), q).clamp(min=0)
                return p / p.sum()
            """,
            "on their side",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                return torch.linalg.solve((counts / counts.sum(1, keepdim=True)).T, q)
            """,
            "is below 0",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                return torch.linalg.solve((counts / counts.sum(1, keepdim=True)).T, q).clamp(min=0)
            """,
            "more than 1",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                p = torch.linalg.solve((counts / counts.sum()).T, q).clamp(min=0)
                return p / p.sum()
            """,
            "one total",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                return torch.linalg.solve((counts / counts.sum()).T, q).clamp(min=0)
            """,
            "weights, not yet shares",
        ),
        (
            """
            def class_shares(counts, guesses):
                rates = counts / counts.sum(1, keepdim=True)
                p = torch.linalg.solve(rates.T, torch.bincount(guesses) / len(guesses)).clamp(min=0)
                return p / p.sum()
            """,
            "a class that is never guessed",
        ),
        (
            """
            def class_shares(counts, guesses):
                q = torch.bincount(guesses, minlength=len(counts)) / len(guesses)
                return torch.linalg.solve((counts / counts.sum(1)[0]).T, q[:1].expand(len(counts)))
            """,
            "Where to look",
        ),
    ],
}
