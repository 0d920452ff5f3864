"""Answers that readers of exercises 19 are known to give, and words of the hint that each should get."""

WRONG = {
    "statistics_of_the_whole_batch": [
        (
            "def whole_batch(counts, means, variances): return means.mean(0), variances.mean(0)",
            "for one row in each, your",
        ),
        (
            """
            def whole_batch(counts, means, variances):
                share = (counts / counts.sum())[:, None]
                return (share * means).sum(0), (share * variances).sum(0)
            """,
            "though the rows differ",
        ),
        (
            """
            def whole_batch(counts, means, variances):
                mean = means.mean(0)
                return mean, (variances + (means - mean) ** 2).mean(0)
            """,
            "all processes count the same",
        ),
        (
            """
            def whole_batch(counts, means, variances):
                share = (counts / counts.sum())[:, None]
                mean, n = (share * means).sum(0), counts.sum()
                return mean, (share * (variances + (means - mean) ** 2)).sum(0) * n / (n - 1)
            """,
            "one row less",
        ),
        (
            """
            def whole_batch(counts, means, variances):
                share = (counts / counts.sum())[:, None]
                return (share * means).sum(0), (share * variances).sum(0) + means.var(0, correction=0)
            """,
            "as much there as one of eight",
        ),
        (
            """
            def whole_batch(counts, means, variances):
                share = (counts / counts.sum())[:, None]
                mean = (share * means).sum(0)
                return mean, (share * (means - mean) ** 2).sum(0)
            """,
            "Within a process",
        ),
        ("def whole_batch(counts, means, variances): return means.mean(0)", "2 values are asked for"),
    ],
    "seconds_of_a_step": [
        ("seconds = 256 / 8 / 500 + 2 * 7 / 8 * 360e6 / 10e9", "in bits"),
        ("seconds = 256 / 8 / 500 + 2 * 7 / 8 * 90e6 / 1.25e9", "float32"),
        ("seconds = 256 / 8 / 500 + 360e6 / 1.25e9", "how often"),
        ("seconds = 256 / 8 / 500 + 7 / 8 * 360e6 / 1.25e9", "half of the way"),
        ("seconds = 256 / 8 / 500 + 2 * 7 * 360e6 / 1.25e9", "How large is a piece"),
        ("seconds = 256 / 500 + 2 * 7 / 8 * 360e6 / 1.25e9", "share the 256 texts"),
        ("seconds = 0.064", "computing alone"),
        ("seconds = 3.0", "too high"),
    ],
    "accuracy_on_a_sorted_stream": [
        ("accuracy = 1.0", "still there behind it"),
        ("accuracy = 0", "is it never right"),
        ("accuracy = 7 / 8", "wrong answers"),
        ("accuracy = 0.3", "too high"),
        ("accuracy = 'bad'", "one number"),
    ],
}
