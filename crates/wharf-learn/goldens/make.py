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


def fitted_tree(criterion, seed, x, scores, weight):
    settings = {"max_depth": 3, "min_samples_leaf": 12, "random_state": seed, "criterion": criterion}
    if criterion == "squared_error":
        model = DecisionTreeRegressor(**settings).fit(x, scores[:, 0], sample_weight=weight)
        return model, scores[:, 0], model.predict(x)
    y = scores.argmax(axis=1)
    model = DecisionTreeClassifier(**settings).fit(x, y, sample_weight=weight)
    return model, y, model.predict_proba(x).ravel()


def trees():
    """Trees without ties: of splits that are equally good scikit-learn takes a random one."""
    for criterion in ("gini", "entropy", "squared_error"):
        for rows in range(150, 180, 10):
            x, scores, weights = data(rows, 4, 3)
            for weight in (None, weights):
                model, y, predicted = fitted_tree(criterion, 0, x, scores, weight)
                others = (fitted_tree(criterion, seed, x, scores, weight)[2] for seed in range(1, 30))
                if not all(numpy.allclose(predicted, other, rtol=1e-12, atol=0) for other in others):
                    continue
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
