"""Feature scores: chi-squared, F tests, percentiles from scikit-learn; cuts by a plain search written here."""

import math

import numpy
from sklearn.feature_selection import SelectPercentile, chi2, f_classif, f_regression


def entropy(labels):
    counts = numpy.unique(labels, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-(shares * numpy.log2(shares)).sum())


def best_cut(values, labels):
    """The cut with the highest gain among all midpoints, by looking at each."""
    distinct = numpy.unique(values)
    best = None
    for low, high in zip(distinct, distinct[1:]):
        cut = low + (high - low) / 2
        below = labels[values <= cut]
        above = labels[values > cut]
        gain = entropy(labels) - (len(below) * entropy(below) + len(above) * entropy(above)) / len(labels)
        if gain > (best[1] if best else 0) + 1e-12:
            best = (cut, gain)
    return best


def mdl(values, labels):
    found = best_cut(values, labels)
    if not found:
        return []
    cut, gain = found
    low, high = values <= cut, values > cut
    kinds = [len(numpy.unique(part)) for part in (labels, labels[low], labels[high])]
    delta = math.log2(3 ** kinds[0] - 2) - (kinds[0] * entropy(labels) - kinds[1] * entropy(labels[low])
                                            - kinds[2] * entropy(labels[high]))
    if gain <= (math.log2(len(values) - 1) + delta) / len(values):
        return []
    return mdl(values[low], labels[low]) + [float(cut)] + mdl(values[high], labels[high])


def percentiles(draw):
    for scores in (draw.normal(size=10), draw.randint(0, 4, 23).astype(float), numpy.ones(8)):
        for percent in (5, 10, 25, 50, 77):
            chosen = SelectPercentile(lambda X, y: scores, percentile=percent).fit(numpy.zeros((2, len(scores))), [0, 1])
            yield {"scores": scores.tolist(), "percent": percent, "kept": numpy.flatnonzero(chosen.get_support()).tolist()}


def make():
    draw = numpy.random.RandomState(11)
    target = draw.randint(0, 4, 120)
    columns = [numpy.round(column, 3) for column in
               (draw.normal(size=120) + target, draw.normal(size=120) + 5, draw.exponential(size=120), 3.0 * target
                + draw.uniform(size=120), numpy.round(draw.normal(size=120) + target % 2))]
    number = numpy.round(draw.normal(size=120) + columns[0], 3)
    matrix = numpy.array(columns).T
    counts = numpy.abs(matrix)
    tests = {}
    for name, (statistics, p_values) in {"f_classification": f_classif(matrix, target),
                                         "f_regression": f_regression(matrix, number),
                                         "chi_squared": chi2(counts, target)}.items():
        tests[name] = [[float(a), float(b)] for a, b in zip(statistics, p_values)]
    return {
        "columns": [column.tolist() for column in columns], "classes": target.tolist(), "numbers": number.tolist(),
        "tests": tests,
        "thresholds": [list(map(float, best_cut(column, target))) for column in columns],
        "cuts": [mdl(column, target) for column in columns],
        "percentiles": list(percentiles(draw)),
    }
