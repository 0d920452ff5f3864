"""Answers that readers of exercises 13 are known to give, and words of the hint that each should get."""

WRONG = {
    "found_among": [
        (
            """
            def found_among(chinese, english, k):
                nearest = (chinese @ english.T).topk(k).indices
                return (nearest == torch.arange(len(chinese))[:, None]).any(1).double().mean()
            """,
            "divide by",
        ),
        (
            """
            def found_among(chinese, english, k):
                nearest = torch.cdist(chinese, english).topk(k, largest=False).indices
                return (nearest == torch.arange(len(chinese))[:, None]).any(1).double().mean()
            """,
            "distance in space",
        ),
        (
            """
            def found_among(chinese, english, k):
                cosines = torch.cosine_similarity(chinese[:, None], english[None], dim=2)
                nearest = cosines.topk(k, dim=0).indices
                return (nearest == torch.arange(len(chinese))).any(0).double().mean().item()
            """,
            "who competes",
        ),
        ("def found_among(chinese, english, k): return tl.retrieval_accuracy(chinese, english)", "What does k allow"),
        (
            """
            def found_among(chinese, english, k):
                cosines = torch.cosine_similarity(chinese[:, None], english[None], dim=2)
                better = (cosines >= cosines.diagonal()[:, None]).sum(1)
                return (better < k).double().mean()
            """,
            "take one of the k places",
        ),
        (
            """
            def found_among(chinese, english, k):
                cosines = torch.cosine_similarity(chinese[:, None], english[None], dim=2)
                better = (cosines > cosines.diagonal()[:, None]).sum(1)
                return (better <= k).double().mean()
            """,
            "how many others",
        ),
        (
            """
            def found_among(chinese, english, k):
                cosines = torch.cosine_similarity(chinese[:, None], english[None], dim=2)
                nearest = cosines.topk(k).indices[:, k - 1]
                return (nearest == torch.arange(len(chinese))).double().mean()
            """,
            "nearer still",
        ),
        (
            """
            def found_among(chinese, english, k):
                cosines = torch.cosine_similarity(chinese[:, None], english[None], dim=2)
                nearest = cosines.topk(k).indices
                return (nearest == torch.arange(len(chinese))[:, None]).any(1).sum()
            """,
            "a share is asked for",
        ),
    ],
    "loss_of_one_row": [
        ("floor = 1 - 0.6**2", "the length of a student's row"),
        ("floor = 0", "no single row"),
        ("floor = 2", "right angles"),
        ("floor = 0.4", "how often does the mixed term"),
        ("floor = 0.16", "not the mean of the distances"),
        ("floor = 0.8**0.5", "the root of it"),
        ("floor = 1.5", "too high"),
    ],
    "leaked_sentences": [
        (
            "def leaked(test, taught): return [i for i, text in enumerate(test) if text in taught]",
            "typed in the same way",
        ),
        (
            """
            def leaked(test, taught):
                known = {"".join(c for c in text if c.isalnum()) for text in taught}
                return [i for i, text in enumerate(test) if "".join(c for c in text if c.isalnum()) in known]
            """,
            "the same letter as a",
        ),
        (
            """
            def leaked(test, taught):
                plain = lambda text: "".join(c for c in text.lower() if c.isalnum())
                known = set(map(plain, taught))
                return [i for i, text in enumerate(test) if plain(text) in known]
            """,
            "full width",
        ),
        (
            """
            def leaked(test, taught):
                import unicodedata
                plain = lambda t: "".join(c for c in unicodedata.normalize("NFKC", t).lower() if c.isalnum())
                return [i for i, text in enumerate(test) if any(plain(text) in plain(other) for other in taught)]
            """,
            "whole with whole",
        ),
        (
            """
            def leaked(test, taught):
                import unicodedata
                plain = lambda t: {c for c in unicodedata.normalize("NFKC", t).lower() if c.isalnum()}
                return [i for i, text in enumerate(test) if any(plain(text) == plain(other) for other in taught)]
            """,
            "Does the order count",
        ),
        (
            """
            def leaked(test, taught):
                import unicodedata
                plain = lambda t: "".join(c for c in unicodedata.normalize("NFKC", t).lower() if c.isalnum())
                known = set(map(plain, taught))
                return [text for text in test if plain(text) in known]
            """,
            "Where to look",
        ),
    ],
}
