"""Turns: A B C, B C A, C A B. Each round begins with another one, so that whatever disturbs the machine
disturbs them alike; and a run that was disturbed too much is taken again at the end of its round."""

QUIET = 0.05         # of the machine in other hands; more, and a run was disturbed
TRIES = 3            # of a run in a round


def worst(figures):
    """The most that others took during a round."""
    return max(run["others"] for run in figures.values())


def one(turn, run, tries):
    """A round: ({label: figures}, runs taken again). Of several tries the quietest counts, whatever it found."""
    figures, again = {}, 0
    for attempt in range(tries):
        again += len(turn) if attempt else 0
        for label in turn:
            new = run(label)
            if label not in figures or new["others"] < figures[label]["others"]:
                figures[label] = new
        turn = [label for label in turn if figures[label]["others"] > QUIET]
    return figures, again


def take(labels, run, wanted, tries=TRIES):
    """`run(label)` for each in turns: ([{label: figures}], runs taken again, rounds that stayed disturbed). No
    more than a quarter of the runs is taken again: a machine that is never quiet has an end, too."""
    kept, again = [], 0
    for number in range(wanted if labels else 0):
        first = number % len(labels)
        spare = again < wanted * len(labels) / 4
        figures, more = one(labels[first:] + labels[:first], run, tries if spare else 1)
        kept.append(figures)
        again += more
    return kept, again, sum(worst(figures) > QUIET for figures in kept)
