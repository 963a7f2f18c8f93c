"""Turns: A B C, B C A, C A B. Each round begins with another one, so that whatever disturbs the machine
disturbs them alike; and a round in which it was disturbed too much is taken again."""

QUIET = 0.05         # of the machine in other hands; more, and a round was disturbed


def worst(figures):
    """The most that others took during a round."""
    return max(run["others"] for run in figures.values())


def take(labels, run, wanted, spare=None):
    """`run(label)` for each in turns: ([{label: figures}], rounds taken again, disturbed ones that had to stay).
    Never more than `spare` rounds are taken again, half of what is wanted unless said; after that the
    least disturbed ones stand in."""
    spare = wanted // 2 if spare is None else spare
    kept, aside, taken = [], [], 0
    while labels and len(kept) < wanted and taken < wanted + spare:
        first = taken % len(labels)
        figures = {label: run(label) for label in labels[first:] + labels[:first]}
        (aside if worst(figures) > QUIET else kept).append(figures)
        taken += 1
    missing = wanted - len(kept) if labels else 0
    return kept + sorted(aside, key=worst)[:missing], max(0, taken - wanted), missing
