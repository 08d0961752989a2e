"""Intervals and paired tests: SciPy where it has them, else the published formula written out."""

import math

import numpy
from scipy import stats


def accelerated(draw):
    """Replicates drawn here, and the intervals that SciPy makes of them."""
    values = numpy.round(draw.exponential(size=40), 4)
    replicates = numpy.array([values[draw.randint(0, 40, 40)].mean() for _ in range(500)])

    class Given:
        bootstrap_distribution = replicates

    ends = {}
    for method in ("percentile", "BCa"):
        for confidence in (0.8, 0.95):
            found = stats.bootstrap((values,), numpy.mean, n_resamples=0, bootstrap_result=Given, method=method,
                                    confidence_level=confidence, vectorized=False).confidence_interval
            ends[f"{method} {confidence}"] = [float(found.low), float(found.high)]
    left_out = [float(numpy.delete(values, row).mean()) for row in range(40)]
    return {"estimate": float(values.mean()), "replicates": replicates.tolist(), "left_out": left_out, "ends": ends}


def wilson(hits, trials, confidence):
    found = stats.binomtest(hits, trials).proportion_ci(confidence, method="wilson")
    return [hits, trials, confidence, float(found.low), float(found.high)]


def delong(draw):
    """From the matrix of all pairs, without ranks."""
    truth = draw.randint(0, 2, 70)
    scores = [numpy.round(truth + draw.normal(size=70), digits) for digits in (4, 1)]
    kernels = []
    for score in scores:
        positive, negative = score[truth == 1][:, None], score[truth == 0][None, :]
        kernels.append((positive > negative) + 0.5 * (positive == negative))
    areas = [float(kernel.mean()) for kernel in kernels]
    positive = numpy.cov([kernel.mean(axis=1) for kernel in kernels]) / kernels[0].shape[0]
    negative = numpy.cov([kernel.mean(axis=0) for kernel in kernels]) / kernels[0].shape[1]
    covariance = positive + negative
    deviation = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = (areas[0] - areas[1]) / deviation
    half = [float(stats.norm.ppf(0.95) * math.sqrt(covariance[i, i])) for i in (0, 1)]
    return {"truth": truth.tolist(), "first": scores[0].tolist(), "second": scores[1].tolist(), "areas": areas,
            "half": half, "difference_half": float(stats.norm.ppf(0.95) * deviation),
            "p_value": float(2 * stats.norm.sf(abs(z)))}


def resampled(draw):
    differences = numpy.round(draw.normal(size=10) * 0.01 + 0.005, 6)
    error = math.sqrt(differences.var(ddof=1) * (1 / 10 + 30 / 270))
    t = differences.mean() / error
    half = stats.t.ppf(0.975, 9) * error
    return {"differences": differences.tolist(), "train": 270, "test": 30, "t": float(t),
            "p_value": float(2 * stats.t.sf(abs(t), 9)),
            "ends": [float(differences.mean() - half), float(differences.mean() + half)]}


def make():
    draw = numpy.random.RandomState(31)
    return {
        "accelerated": accelerated(draw),
        "wilson": [wilson(*case) for case in
                   [(0, 10, 0.95), (10, 10, 0.95), (3, 10, 0.9), (812, 1000, 0.95), (1, 100000, 0.99)]],
        "mc_nemar": [[a, b, float(stats.binomtest(min(a, b), a + b, 0.5).pvalue)]
                     for a, b in [(0, 1), (5, 5), (3, 12), (40, 71), (1000, 1100), (0, 30)]],
        "delong": delong(draw),
        "resampled": resampled(draw),
    }
