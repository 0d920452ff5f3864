"""Answers that readers of exercises 17 are known to give, and words of the hint that each should get."""

WRONG = {
    "leep_of_two_draws": [
        (
            """
            def my_leep(p, y):
                mass = torch.nn.functional.one_hot(y).to(p).T @ p
                return ((mass / mass.sum(0))[y] * p).sum(1).log().mean()
            """,
            "not finite",
        ),
        (
            """
            def my_leep(p, y):
                mass = torch.nn.functional.one_hot(y).to(p).T @ p
                table = mass / mass.sum(1, keepdim=True)
                return (table[y] * p).sum(1).log().mean()
            """,
            "goes the other way",
        ),
        (
            """
            def my_leep(p, y):
                joint = torch.nn.functional.one_hot(y).to(p).T @ p / len(p)
                return (joint[y] * p).sum(1).log().mean()
            """,
            "sums to 1 as a whole",
        ),
        ("def my_leep(p, y): return tl.nce(p.argmax(1), y)", "alone has a say"),
        (
            """
            def my_leep(p, y):
                p = p[:, p.sum(0) > 0]
                mass = torch.nn.functional.one_hot(y).to(p).T @ p
                return (p * (mass / mass.sum(0))[y].log()).sum(1).mean()
            """,
            "too early",
        ),
        ("def my_leep(p, y): return tl.leep(p, y) * len(y)", "grows with the number of rows"),
        ("def my_leep(p, y): return -tl.leep(p, y)", "above 0"),
        ("def my_leep(p, y): return tl.leep(p, y) + 0.1", "Where to look"),
    ],
    "regret_of_a_shortlist": [
        ("regret = flattering", "test rows choose"),
        (
            """
            def regret(score, validation, test, kept):
                return max(test.values()) - test[max(score, key=score.get)]
            """,
            "score's favourite",
        ),
        (
            """
            def regret(score, validation, test, kept):
                return max(test.values()) - test[max(validation, key=validation.get)]
            """,
            "all was fine-tuned",
        ),
        (
            """
            def regret(score, validation, test, kept):
                short = sorted(score, key=score.get, reverse=True)[:kept]
                return max(test[name] for name in short) - test[max(short, key=validation.get)]
            """,
            "threw out",
        ),
        (
            """
            def regret(score, validation, test, kept):
                short = sorted(score, key=score.get)[:kept]
                return max(test.values()) - test[max(short, key=validation.get)]
            """,
            "lowest scores",
        ),
        (
            """
            def regret(score, validation, test, kept):
                short = sorted(score, key=score.get, reverse=True)[:kept]
                return test[max(short, key=validation.get)] - max(test.values())
            """,
            "counts upwards",
        ),
        ("def regret(score, validation, test, kept): return {}", "numbers are asked for"),
    ],
    "what_logme_sees": [
        (
            "changes = {word: True for word in tl.check.choosing.LOGME}",
            "prefer a direction",
        ),
        (
            "changes = {word: False for word in tl.check.choosing.LOGME}",
            "leave the rest",
        ),
        (
            """
            words = ("turned", "larger", "one larger", "shifted", "columns twice", "rows twice")
            changes = {word: word in ("larger", "one larger", "shifted", "rows twice") for word in words}
            """,
            "a tenth as large",
        ),
        (
            """
            words = ("turned", "larger", "one larger", "shifted", "columns twice", "rows twice")
            changes = {word: word in ("one larger", "rows twice") for word in words}
            """,
            "no intercept",
        ),
        (
            """
            words = ("turned", "larger", "one larger", "shifted", "columns twice", "rows twice")
            changes = {word: word in ("one larger", "shifted") for word in words}
            """,
            "nothing new",
        ),
        ("changes = {'turned': False}", "is asked for"),
        (
            """
            words = ("turned", "larger", "one larger", "shifted", "columns twice", "rows twice")
            changes = {word: "perhaps" for word in words}
            """,
            "none of",
        ),
    ],
}
