"""Medians, their intervals, ratios of runs that were neighbours in time, and how a figure is written."""
import math


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def spread(values):
    """Median absolute deviation: half of the runs lie within this of the median."""
    centre = median(values)
    return median([abs(value - centre) for value in values])


def interval(values):
    """The 95 % interval of the median by order statistics, which asks nothing of the distribution; None
    below six values, from which it cannot be had."""
    values = sorted(values)
    count = len(values)
    below = 0.0
    rank = -1
    # the largest number of values to leave out at each end
    for k in range(count // 2):
        below += math.comb(count, k) / 2 ** count
        if 2 * below > 0.05:
            break
        rank = k
    return None if rank < 0 else (values[rank], values[count - 1 - rank])


def middle_half(values):
    """What a quarter of the values lies below, and what a quarter lies above."""
    values = sorted(values)
    quarter = len(values) // 4
    return values[quarter], values[len(values) - 1 - quarter]


def summary(values):
    """Median and interval of values, None for a round without one."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"ratio": median(values), "interval": interval(values), "rounds": len(values)}


def paired(ours, theirs):
    """Median and interval of the ratios round by round; a round without a value on either side does not count."""
    return summary([a / b if a is not None and b else None for a, b in zip(ours, theirs)])


def merge(results):
    """One result of several generators that ran side by side."""
    if len(results) == 1:
        return results[0]
    whole = dict(results[0])
    for key in ("sent", "answered", "lost", "late", "wrong", "connections", "broken", "rate"):
        whole[key] = sum(result[key] for result in results)
    whole["reasons"] = {key: sum(r["reasons"][key] for r in results) for key in whole["reasons"]}
    buckets = {}
    for result in results:
        for bound, count in result["buckets_us"]:
            buckets[bound] = buckets.get(bound, 0) + count
    whole["buckets_us"] = sorted(buckets.items())
    longest = max(result["latency_us"]["max"] for result in results)
    whole["latency_us"] = {"p50": at(buckets, 0.5), "p90": at(buckets, 0.9), "p99": at(buckets, 0.99),
                           "p99.9": at(buckets, 0.999), "max": longest}
    # a bucket ends behind what is in it
    whole["latency_us"] = {key: min(value, longest) for key, value in whole["latency_us"].items()}
    return whole


def at(buckets, share):
    total = sum(buckets.values())
    seen = 0
    for bound, count in sorted(buckets.items()):
        seen += count
        if seen > total * share:
            return bound
    return max(buckets, default=0)


def number(value):
    """A figure as it is written: three digits or so."""
    if value is None:
        return "-"
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e6 if letter == "M" else 1e3)
            return ("%.2f%s" if letter == "M" else "%.0f%s") % (scaled, letter)
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 else "%.2f" % value
