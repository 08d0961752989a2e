"""Makes `linear.json` and `trees.json`: what scikit-learn says about the same small data.

Needs `numpy` and `scikit-learn` (1.9); writes beside itself. Features are float32, as the crate has them.
"""

import json
import pathlib

import numpy
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

FOLDER = pathlib.Path(__file__).parent


def data(rows, columns, classes):
    rng = numpy.random.default_rng(20260101 + classes)
    x = (rng.normal(size=(rows, columns)) * [1 + i for i in range(columns)] + 0.5).astype(numpy.float32)
    scores = x.astype(float) @ rng.normal(size=(columns, classes)) + rng.normal(size=(rows, classes)) * 3
    weights = rng.uniform(0.2, 2.0, size=rows).round(3)
    return x, scores, weights


def ridge():
    x, scores, weights = data(60, 5, 1)
    y = scores[:, 0] * 1.5 + 40
    for alpha in (0.0, 1.0, 25.0):
        for weight in (None, weights):
            model = Ridge(alpha=alpha, solver="cholesky").fit(x.astype(float), y, sample_weight=weight)
            yield {
                "alpha": alpha,
                "weights": None if weight is None else weight.tolist(),
                "columns": 5,
                "features": x.ravel().tolist(),
                "target": y.tolist(),
                "coefficients": model.coef_.tolist(),
                "intercept": model.intercept_,
            }


def logistic():
    for classes in (2, 3):
        x, scores, weights = data(80, 4, classes)
        y = scores.argmax(axis=1)
        for c in (0.1, 1.0, 10.0):
            for weight in (None, weights):
                model = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(
                    x.astype(float), y, sample_weight=weight
                )
                yield {
                    "c": c,
                    "classes": classes,
                    "weights": None if weight is None else weight.tolist(),
                    "columns": 4,
                    "features": x.ravel().tolist(),
                    "target": y.tolist(),
                    "coefficients": model.coef_.ravel().tolist(),
                    "intercepts": model.intercept_.tolist(),
                }


def trees():
    for criterion in ("gini", "entropy", "squared_error"):
        x, scores, weights = data(120, 4, 3)
        for weight in (None, weights):
            settings = {"max_depth": 4, "min_samples_leaf": 5, "random_state": 0, "criterion": criterion}
            if criterion == "squared_error":
                y = scores[:, 0]
                model = DecisionTreeRegressor(**settings).fit(x, y, sample_weight=weight)
                predicted = model.predict(x)
            else:
                y = scores.argmax(axis=1)
                model = DecisionTreeClassifier(**settings).fit(x, y, sample_weight=weight)
                predicted = model.predict_proba(x).ravel()
            yield {
                "criterion": criterion,
                "weights": None if weight is None else weight.tolist(),
                "columns": 4,
                "features": x.ravel().tolist(),
                "target": y.tolist(),
                "predicted": predicted.tolist(),
                "importances": model.feature_importances_.tolist(),
            }


def write(name, content):
    (FOLDER / name).write_text(json.dumps(content) + "\n")


write("linear.json", {"ridge": list(ridge()), "logistic": list(logistic())})
write("trees.json", list(trees()))
