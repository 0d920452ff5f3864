"""Answers that readers of exercises 12 are known to give, and words of the hint that each should get."""

WRONG = {
    "same_in_company": [
        (
            "def same_in_company(embed, texts): return torch.allclose(embed(texts), embed(list(texts)))",
            "passed by everybody",
        ),
        (
            """
            def same_in_company(embed, texts):
                return bool((embed(texts[:1])[0] - embed(texts)[0]).abs().max() < 1e-4)
            """,
            "may be spared",
        ),
        (
            """
            def same_in_company(embed, texts):
                turned = embed(texts[::-1]).flip(0)
                return torch.allclose(embed(texts), turned, atol=1e-4, rtol=0)
            """,
            "stays the longest",
        ),
        (
            """
            def same_in_company(embed, texts):
                return all(torch.equal(embed([t])[0], row) for t, row in zip(texts, embed(texts)))
            """,
            "rounding alone",
        ),
        (
            """
            def same_in_company(embed, texts):
                alone = torch.cat([embed([text]) for text in texts])
                return (alone - embed(texts)).abs().max() > 1e-4
            """,
            "wrong way round",
        ),
        (
            """
            def same_in_company(embed, texts):
                alone = torch.cat([embed([text]) for text in texts])
                return (alone - embed(texts)).abs().max()
            """,
            "Where to look",
        ),
        (
            """
            def same_in_company(embed, texts):
                alone = torch.cat([embed([text]) for text in texts])
                return bool((torch.cosine_similarity(alone, embed(texts)) > 0.9999).all())
            """,
            "leaves its direction",
        ),
    ],
    "honest_words": [
        ("honest = cheating", "with other labels"),
        (
            """
            def honest(texts, y, train, test):
                words = TfidfVectorizer().fit_transform(texts)
                select = SelectKBest(chi2, k=20).fit(words[train], y[train])
                best = select.transform(words)
                return LogisticRegression(C=10).fit(best[train], y[train]).predict_proba(best[test])[:, 1]
            """,
            "No label is read there",
        ),
        (
            """
            def honest(texts, y, train, test):
                words = TfidfVectorizer().fit([texts[row] for row in train])
                x = words.transform(texts)
                return LogisticRegression(C=10).fit(x[train], y[train]).predict_proba(x[test])[:, 1]
            """,
            "nothing leaks",
        ),
        (
            """
            def honest(texts, y, train, test):
                words = TfidfVectorizer().fit([texts[row] for row in train]).transform(texts)
                best = SelectKBest(chi2, k=20).fit(words[train], y[train]).transform(words)
                return LogisticRegression(C=10).fit(best[train], y[train]).predict_proba(best[test])[:, 0]
            """,
            "class 0",
        ),
        (
            """
            def honest(texts, y, train, test):
                words = TfidfVectorizer().fit([texts[row] for row in train]).transform(texts)
                best = SelectKBest(chi2, k=20).fit(words[train], y[train]).transform(words)
                return LogisticRegression(C=10).fit(best[train], y[train]).predict(best[test])
            """,
            "those are classes",
        ),
        (
            """
            def honest(texts, y, train, test):
                words = TfidfVectorizer().fit([texts[row] for row in train]).transform(texts)
                best = SelectKBest(chi2, k=20).fit(words[train], y[train]).transform(words)
                model = LogisticRegression(C=10).fit(best[train], y[train])
                return model.predict_proba(best[np.isin(np.arange(len(texts)), test)])[:, 1]
            """,
            "In which order",
        ),
    ],
    "luck_of_a_coin": [
        ("luck = math.comb(22, 8) / 2**22", "exactly 8"),
        ("luck = 8 / 22", "accuracy"),
        ("luck = sum(math.comb(22, k) for k in range(8)) / 2**22", "fewer than 8"),
        ("luck = 0.5", "on so few"),
        ("luck = 1 - sum(math.comb(22, k) for k in range(9)) / 2**22", "more than 8"),
        ("luck = 0", "not that rare"),
        ("luck = [0.1, 0.2]", "one number"),
    ],
}
