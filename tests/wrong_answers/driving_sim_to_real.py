"""Answers that readers of exercises 14 are known to give, and words of the hint that each should get."""

WRONG = {
    "turned_over": [
        (
            """
            def turned_over(frames, steering, turn):
                return torch.where(turn[:, None, None, None], frames.flip(3), frames), steering
            """,
            "still asks for the old turn",
        ),
        (
            """
            def turned_over(frames, steering, turn):
                seen = torch.where(turn[:, None, None, None], frames.flip(2), frames)
                return seen, torch.where(turn[:, None], -steering, steering)
            """,
            "on their heads",
        ),
        ("def turned_over(frames, steering, turn): return frames.flip(-1), -steering", "every row is turned"),
        (
            """
            def turned_over(frames, steering, turn):
                frames[turn] = frames[turn].flip(3)
                steering[turn] = -steering[turn]
                return frames, steering
            """,
            "writes into the tensors",
        ),
        (
            """
            def turned_over(frames, steering, turn):
                seen = torch.where(turn[:, None, None, None], frames.flip(3), frames)
                return seen, torch.where(turn[:, None], 1 - steering, steering)
            """,
            "have its middle",
        ),
        (
            """
            def turned_over(frames, steering, turn):
                seen = torch.where(turn[:, None, None, None], frames.flip(3), frames)
                return seen, torch.where(turn, -steering, steering)
            """,
            "shape",
        ),
    ],
    "share_on_the_road": [
        ("share = 0.99", "has no consequence"),
        ("share = 0.99**300", "a whole lap succeeds"),
        ("share = 1 / 3", "ends at 300"),
        ("share = 1 - sum(0.99**t for t in range(1, 301)) / 300", "off the road"),
        ("share = sum(0.99**t for t in range(1, 301))", "number of frames"),
        ("share = 0.8", "too high"),
    ],
    "what_the_drives_show": [
        ("stands = {'a', 'b', 'e'}", "Does the interval"),
        ("stands = {'a', 'c', 'e'}", "Count the tracks"),
        ("stands = ['a', 'd']", "the same policy"),
        ("stands = 'a'", "sets a bound"),
        ("stands = {'e'}", "two differences"),
    ],
}
