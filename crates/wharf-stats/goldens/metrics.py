"""Metrics of made-up predictions, by scikit-learn."""

import numpy
from sklearn import metrics


def classes(draw):
    for truth, predicted in [(draw.randint(0, 4, 80), draw.randint(0, 4, 80)),
                             (numpy.array([0, 0, 2, 2, 2]), numpy.array([0, 4, 2, 2, 0]))]:
        averages = {}
        for kind in ("macro", "weighted"):
            averages[kind] = list(metrics.precision_recall_fscore_support(truth, predicted, average=kind,
                                                                          zero_division=0)[:3])
        per_class = metrics.precision_recall_fscore_support(truth, predicted, labels=range(5), zero_division=0)
        yield {"truth": truth.tolist(), "predicted": predicted.tolist(),
               "accuracy": metrics.accuracy_score(truth, predicted),
               "balanced": float(metrics.balanced_accuracy_score(truth, predicted)),
               "per_class": [list(map(float, row)) for row in zip(*per_class)],
               **{kind: list(map(float, values)) for kind, values in averages.items()}}


def binary(draw):
    for scores in (draw.normal(size=90), numpy.round(draw.uniform(size=90), 1)):
        truth = (scores + draw.normal(size=90) > 0.4).astype(int)
        yield {"truth": truth.tolist(), "scores": scores.tolist(), "auc": float(metrics.roc_auc_score(truth, scores)),
               "average_precision": float(metrics.average_precision_score(truth, scores))}


def probabilities(draw):
    for kinds in (2, 4):
        truth = draw.randint(0, kinds, 60)
        raw = draw.exponential(size=(60, kinds)) + (numpy.arange(kinds) == truth[:, None])
        raw[0, :] = numpy.arange(kinds) == (truth[0] + 1) % kinds
        shares = raw / raw.sum(axis=1, keepdims=True)
        case = {"truth": truth.tolist(), "shares": shares.ravel().tolist(), "classes": kinds,
                "log_loss": float(metrics.log_loss(truth, shares, labels=range(kinds)))}
        if kinds == 2:
            case["brier"] = float(metrics.brier_score_loss(truth, shares[:, 1]))
        else:
            case["brier_sum"] = float(metrics.brier_score_loss(truth, shares, labels=range(kinds)))
            case["auc"] = float(metrics.roc_auc_score(truth, shares, multi_class="ovr"))
        yield case


def regression(draw):
    truth = draw.normal(size=50) * 3 + 10
    predicted = truth + draw.normal(size=50)
    return {"truth": truth.tolist(), "predicted": predicted.tolist(),
            "r2": float(metrics.r2_score(truth, predicted)),
            "mae": float(metrics.mean_absolute_error(truth, predicted)),
            "mse": float(metrics.mean_squared_error(truth, predicted)),
            "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
            "mape": float(metrics.mean_absolute_percentage_error(truth, predicted))}


def rankings(draw):
    for scores in (draw.normal(size=20), numpy.round(draw.uniform(size=20), 1)):
        relevance = draw.randint(0, 4, 20)
        for first in (1, 5, 20, 100):
            yield {"relevance": relevance.tolist(), "scores": scores.tolist(), "first": first,
                   "ndcg": float(metrics.ndcg_score([relevance], [scores], k=first))}


def labels(draw):
    truth, predicted = draw.randint(0, 2, (30, 4)), draw.randint(0, 2, (30, 4))
    truth[0] = predicted[0] = 0
    f1 = {kind: float(metrics.f1_score(truth, predicted, average=kind, zero_division=0))
          for kind in ("macro", "micro", "samples")}
    return {"truth": truth.ravel().tolist(), "predicted": predicted.ravel().tolist(), "labels": 4, **f1,
            "hamming": float(metrics.hamming_loss(truth, predicted)),
            "exact": float(metrics.accuracy_score(truth, predicted))}


def make():
    draw = numpy.random.RandomState(21)
    return {"classes": list(classes(draw)), "binary": list(binary(draw)), "probabilities": list(probabilities(draw)),
            "regression": regression(draw), "rankings": list(rankings(draw)), "labels": labels(draw)}
