"""Answers that readers of exercises 03 are known to give, and words of the hint that each should get."""

PLANS = "settings = dict(zip('abcdef', '{}'.split()))"

WRONG = {
    "settings_of_transfer": [
        (
            PLANS.format("inductive transductive unsupervised none unsupervised transductive"),
            "what may the target's learner use",
        ),
        (
            PLANS.format("inductive transductive unsupervised none inductive inductive"),
            "the final score alone",
        ),
        (
            PLANS.format("inductive transductive unsupervised transductive inductive transductive"),
            "another distribution",
        ),
        (
            PLANS.format("transductive transductive unsupervised none inductive transductive"),
            "same question asked",
        ),
        (PLANS.format("few few few few few few"), "is none of"),
    ],
    "errors_removed": [
        (
            """
            def errors_removed(transfer, baselines):
                name = min(baselines, key=lambda name: sum(baselines[name]))
                return name, (sum(transfer) - sum(baselines[name])) / sum(1 - a for a in baselines[name])
            """,
            "always there to be beaten",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                name = max(baselines, key=lambda name: sum(baselines[name]))
                return name, (sum(transfer) - sum(baselines[name])) / sum(baselines[name])
            """,
            "gets right",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                name = max(baselines, key=lambda name: sum(baselines[name]))
                shares = [(a - b) / (1 - b) for a, b in zip(transfer, baselines[name])]
                return name, sum(shares) / len(shares)
            """,
            "before you divide",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                name = max(baselines, key=lambda name: sum(baselines[name]))
                best = [max(runs) for runs in zip(*baselines.values())]
                return name, (sum(transfer) - sum(best)) / sum(1 - a for a in best)
            """,
            "anew for every seed",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                name = max(baselines, key=lambda name: sum(baselines[name]))
                return name, (sum(transfer) - sum(baselines[name])) / len(transfer)
            """,
            "gain in accuracy",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                best = max(baselines, key=lambda name: max(baselines[name]))
                return best, 1 - (len(transfer) - sum(transfer)) / (len(transfer) - sum(baselines[best]))
            """,
            "single best run",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                best = max(baselines, key=lambda name: sum(baselines[name]))
                return best, (len(transfer) - sum(transfer)) / (len(transfer) - sum(baselines[best]))
            """,
            "errors that is left",
        ),
        (
            """
            def errors_removed(transfer, baselines):
                best = max(baselines, key=lambda name: sum(baselines[name]))
                return best, (sum(transfer) - sum(baselines[best])) / (len(transfer) - sum(transfer))
            """,
            "Whose errors are removed",
        ),
        ("def errors_removed(transfer, baselines): return 0.3", "2 values"),
    ],
    "unfair_comparisons": [
        ("unfair = {'a', 'b', 'd', 'e'}", "or the care"),
        ("unfair = {'b', 'e'}", "For whom was it chosen"),
        ("unfair = {'d', 'e'}", "and what else"),
        ("unfair = {'b', 'c', 'd', 'e'}", "a strange pair"),
        ("unfair = {'b', 'd'}", "when to stop"),
    ],
}
