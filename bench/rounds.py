"""Turns: A B C, C A B, A C B. Each round has an order of its own, so that whatever disturbs the machine disturbs
them alike, and nobody always runs behind the same other; and a run that was disturbed too much is taken again at
the end of its round."""
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Care:
    """What is done about disturbance. It is told by what others took, never by what a server reached."""
    quiet: float     # of the machine in other hands; more, and a run was disturbed
    tries: int       # of a run in a round
    spare: float     # runs taken again, for each run that is wanted: a machine that is never quiet has an end, too


USUAL = Care(0.05, 3, 0.25)
CLOSE = Care(0.005, 6, 2)        # where one question in a hundred decides
ONCE = Care(0.05, 1, 0)


def worst(figures):
    """The most that others took during a round."""
    return max(run["others"] for run in figures.values())


def order(labels, number):
    """Of a round: drawn, but the same every time."""
    return random.Random(number).sample(labels, len(labels))


def one(turn, run, tries, quiet):
    """A round: ({label: figures}, runs taken again). Of several tries the quietest counts, whatever it found; but
    wrong answers are wrong however busy the machine was, and those of all tries are kept."""
    figures, again = {}, 0
    for attempt in range(tries):
        again += len(turn) if attempt else 0
        for label in turn:
            new, old = run(label), figures.get(label, {})
            best = new if not old or new["others"] < old["others"] else old
            wrong = [each["wrong"] for each in (new, old) if "wrong" in each]
            figures[label] = {**best, "wrong": sum(wrong)} if wrong else best
        turn = [label for label in turn if figures[label]["others"] > quiet]
    return figures, again


def take(labels, run, wanted, care=USUAL):
    """`run(label)` for each in turns: ([{label: figures}], runs taken again, rounds that stayed disturbed)."""
    kept, again = [], 0
    for number in range(wanted if labels else 0):
        spare = again < wanted * len(labels) * care.spare
        figures, more = one(order(labels, number), run, care.tries if spare else 1, care.quiet)
        kept.append(figures)
        again += more
    return kept, again, sum(worst(figures) > care.quiet for figures in kept)
