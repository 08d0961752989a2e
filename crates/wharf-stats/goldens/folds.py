"""Test parts of scikit-learn's splitters without shuffling."""

import numpy
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit


def parts(splitter, samples, classes=None, groups=None):
    return [test.tolist() for _, test in splitter.split(numpy.zeros((samples, 1)), classes, groups)]


def time_series(samples, folds, **options):
    split = TimeSeriesSplit(folds, **options).split(numpy.zeros((samples, 1)))
    return {"samples": samples, "folds": folds, **options,
            "parts": [[train.tolist(), test.tolist()] for train, test in split]}


def make():
    draw = numpy.random.RandomState(3)
    labels = [draw.randint(0, 3, 41), draw.choice(4, 60, p=[0.7, 0.2, 0.07, 0.03]),
              numpy.array([5, 5, 5, 1, 1, 9, 9, 9, 9, 5, 1, 1, 5, 9, 5])]
    grouped = [(draw.randint(0, 3, 90), draw.randint(0, 17, 90)), (draw.randint(0, 2, 150), draw.randint(0, 40, 150)),
               (draw.choice(10, 400, p=[0.2, 0.3] + [0.0625] * 8), draw.randint(0, 60, 400)),
               (numpy.arange(24) % 2, numpy.arange(24) // 2)]
    return {
        "plain": [{"samples": n, "folds": k, "parts": parts(KFold(k), n)} for n, k in [(10, 3), (7, 7), (23, 5)]],
        "stratified": [{"classes": y.tolist(), "folds": k, "parts": parts(StratifiedKFold(k), len(y), y)}
                       for y in labels for k in (2, 3, 5)],
        "grouped": [{"groups": g.tolist(), "folds": k, "parts": parts(GroupKFold(k), len(g), None, g)}
                    for _, g in grouped for k in (2, 3, 5)],
        "stratified_grouped": [{"classes": y.tolist(), "groups": g.tolist(), "folds": k,
                                "parts": parts(StratifiedGroupKFold(k), len(y), y, g)}
                               for y, g in grouped for k in (2, 3, 5)],
        "time": [time_series(12, 3), time_series(17, 4), time_series(30, 3, test_size=4, gap=2),
                 time_series(30, 3, max_train_size=5)],
    }
