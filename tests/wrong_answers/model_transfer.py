"""Answers that readers of exercises 07 are known to give, and words of the hint that each should get."""


def _ways(frozen, training_mode, too_high, one_rate, l2sp):
    return (
        f"runs = {{'frozen': '{frozen}', 'frozen, in training mode': '{training_mode}', "
        f"'one rate, too high': '{too_high}', 'one rate': '{one_rate}', 'L2-SP': '{l2sp}'}}"
    )


WRONG = {
    "pull_to_the_start": [
        (
            """
            def pull(now, start, head, alpha, beta):
                held = sum((w**2).sum() for w in now)
                return alpha / 2 * held + beta / 2 * sum((v**2).sum() for v in head)
            """,
            "pulled to zero",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                return alpha / 2 * sum(((w - w0) ** 2).sum() for w, w0 in zip(now, start))
            """,
            "not held at all",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                drift = sum(((w - w0) ** 2).sum() for w, w0 in zip(now, start))
                return alpha * drift + beta * sum((v**2).sum() for v in head)
            """,
            "one factor everywhere",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                everything = zip([*now, *head], [*start, *map(torch.zeros_like, head)])
                return alpha / 2 * sum(((w - w0) ** 2).sum() for w, w0 in everything)
            """,
            "one strength",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                drift = torch.cat([(w - w0).flatten() for w, w0 in zip(now, start)]).norm()
                return alpha / 2 * drift + beta / 2 * torch.cat([v.flatten() for v in head]).norm()
            """,
            "takes its square",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                drift = sum(((w - w0) ** 2).mean() for w, w0 in zip(now, start))
                return alpha / 2 * drift + beta / 2 * sum((v**2).mean() for v in head)
            """,
            "you take means",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                drift = sum(((w - w0) ** 2).sum().item() for w, w0 in zip(now, start))
                return alpha / 2 * drift + beta / 2 * sum((v**2).sum().item() for v in head)
            """,
            "no gradient leads back",
        ),
        (
            """
            def pull(now, start, head, alpha, beta):
                drift = sum(((w.detach() - w0) ** 2).sum() for w, w0 in zip(now, start))
                return alpha / 2 * drift + beta / 2 * sum((v**2).sum() for v in head)
            """,
            "only some of the weights",
        ),
    ],
    "five_ways_told_apart": [
        (_ways("B", "D", "C", "A", "E"), "What else does an encoder hold"),
        (_ways("D", "E", "C", "A", "B"), "without any gradient"),
        (_ways("D", "B", "C", "E", "A"), "held back"),
        (_ways("D", "B", "E", "A", "C"), "by heart"),
        (_ways("D", "D", "C", "A", "E"), "each is used once"),
        ("runs = 'DBCAE'", "a dict with the keys"),
    ],
    "highest_saving_rank": [
        ("rank = 105", "already more"),
        ("rank = 128 * 576 / (128 + 576)", "whole number"),
        ("rank = 128", "can be any matrix"),
        ("rank = 384", "as long as a row of W"),
        ("rank = 42", "1 × 1 convolution"),
        ("rank = 64", "square matrices"),
        ("rank = 8", "too low"),
    ],
}
