"""Mutual information of columns with and without ties, with the noise that scikit-learn drew."""

import numpy
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.metrics import mutual_info_score

ROWS = 240


def floats(values, digits=6):
    return [round(float(value), digits) for value in values]


def cases(columns, target, regression, discrete):
    """Scores of `columns`, and the standard normal numbers added, in the order scikit-learn draws them."""
    estimate = mutual_info_regression if regression else mutual_info_classif
    matrix = numpy.array(columns, dtype=float).T
    mask = numpy.array(discrete)
    for neighbours in (1, 3, 7):
        scores = estimate(matrix, target, discrete_features=mask, n_neighbors=neighbours, random_state=5)
        draw = numpy.random.RandomState(5)
        noise = numpy.zeros(matrix.shape)
        noise[:, ~mask] = draw.standard_normal(size=(len(target), int((~mask).sum())))
        of_target = draw.standard_normal(size=len(target)) if regression else numpy.zeros(len(target))
        yield {"neighbours": neighbours, "scores": [float(score) for score in scores],
               "noise": [floats(column, 17) for column in noise.T], "target_noise": floats(of_target, 17)}


def table(name, columns, target, regression, discrete):
    return {"name": name, "columns": [floats(column) for column in columns], "discrete": discrete,
            "target": floats(target), "regression": regression,
            "cases": list(cases([floats(column) for column in columns], floats(target), regression, discrete))}


def make():
    draw = numpy.random.RandomState(1)
    target = draw.randint(0, 3, ROWS)
    target[0] = 7
    value = draw.normal(size=ROWS)
    smooth = [value + target, draw.normal(size=ROWS) * 1000 + 5000, draw.exponential(size=ROWS) * (target + 1)]
    tied = [numpy.round(value + target), numpy.round(draw.normal(size=ROWS), 1), draw.randint(0, 4, ROWS) + target]
    constant = [numpy.full(ROWS, 2.5)]
    number = value + 0.3 * draw.normal(size=ROWS)
    # Not rarer: below 2k + 2 samples scikit-learn takes distances from squares, and their rounding shows.
    rare = (numpy.arange(ROWS) < 16).astype(float)
    return {
        "tables": [
            table("classes", smooth, target, False, [False] * 3),
            table("numbers", smooth + [value], number, True, [False] * 4),
            table("classes, ties", tied + constant, target, False, [False, False, True, False]),
            table("numbers, ties", tied + constant, numpy.round(number, 1), True, [False, False, True, False]),
            table("rare class", constant + smooth[:1], rare, False, [False] * 2),
        ],
        "counts": [{"x": x.tolist(), "y": y.tolist(), "nats": float(mutual_info_score(x, y))}
                   for x, y in [(draw.randint(0, 4, 50), draw.randint(0, 3, 50)),
                                (numpy.arange(20), numpy.arange(20) % 2), (numpy.zeros(9, int), numpy.arange(9))]],
    }
