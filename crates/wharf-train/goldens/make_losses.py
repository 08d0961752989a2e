"""Writes losses.json: losses, their gradients and learning rates by PyTorch's formulae, in float64.

Gradients are derived by hand here and checked against central differences. Run with NumPy: python make_losses.py
"""

import json
import math
import pathlib

import numpy


def log_softmax(values):
    shifted = values - values.max(axis=1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))


def checked(loss, outputs, gradient):
    """`gradient`, if central differences of `loss` agree."""
    for place in numpy.ndindex(outputs.shape):
        step = numpy.zeros_like(outputs)
        step[place] = 1e-5
        slope = (loss(outputs + step) - loss(outputs - step)) / 2e-5
        assert abs(slope - gradient[place]) < 1e-7, (place, slope, gradient[place])
    return gradient.ravel().tolist()


def elements(draw):
    outputs = numpy.float32(draw.normal(size=(6, 4)) * 2).astype(float)
    targets = draw.randint(0, 2, (6, 4)).astype(float)
    targets[0] = [0.25, 0.5, 1, 0]
    weights = numpy.array([1, 2.5, 0.5, 4])
    delta = 0.75

    def sigmoid(x):
        return 1 / (1 + numpy.exp(-x))

    def binary(x):
        return -(weights * targets * numpy.log(sigmoid(x)) + (1 - targets) * numpy.log(sigmoid(-x))).mean()

    def absolute(x):
        return abs(x - targets).mean()

    def huber(x):
        gap = abs(x - targets)
        return numpy.where(gap <= delta, gap**2 / 2, delta * (gap - delta / 2)).mean()

    slopes = {
        "binary": (binary, (1 - targets) * sigmoid(outputs) - weights * targets * sigmoid(-outputs)),
        "absolute": (absolute, numpy.sign(outputs - targets)),
        "huber": (huber, numpy.clip(outputs - targets, -delta, delta)),
    }
    return {"outputs": outputs.ravel().tolist(), "targets": targets.ravel().tolist(),
            "positive_weights": weights.tolist(), "delta": delta,
            **{name: {"loss": loss(outputs), "gradient": checked(loss, outputs, slope / outputs.size)}
               for name, (loss, slope) in slopes.items()}}


def distillation(draw, temperature, share):
    student, teacher = (numpy.float32(draw.normal(size=(5, 7)) * 3).astype(float) for _ in range(2))
    labels = draw.randint(0, 7, 5)
    onehot = numpy.eye(7)[labels]

    def loss(student):
        hard = -(log_softmax(student) * onehot).sum(axis=1).mean()
        ours, theirs = log_softmax(student / temperature), log_softmax(teacher / temperature)
        soft = (numpy.exp(theirs) * (theirs - ours)).sum(axis=1).mean()
        return share * hard + (1 - share) * temperature**2 * soft

    soft = numpy.exp(log_softmax(student / temperature)) - numpy.exp(log_softmax(teacher / temperature))
    gradient = (share * (numpy.exp(log_softmax(student)) - onehot) + (1 - share) * temperature * soft) / 5
    return {"student": student.ravel().tolist(), "teacher": teacher.ravel().tolist(), "labels": labels.tolist(),
            "temperature": temperature, "label_share": share, "loss": loss(student),
            "gradient": checked(loss, student, gradient)}


def one_cycle(total, rise, start_divisor, final_divisor, is_cosine):
    """OneCycleLR with max_lr 1, two phases, as its source computes it step by step."""
    first, last = 1 / start_divisor, 1 / start_divisor / final_divisor
    phases = [(rise * total - 1, first, 1.0), (total - 1, 1.0, last)]
    factors = []
    for step in range(total):
        start = 0.0
        for number, (end, low, high) in enumerate(phases):
            if step <= end or number == 1:
                share = (step - start) / (end - start)
                if is_cosine:
                    factors.append(high + (low - high) / 2 * (math.cos(math.pi * share) + 1))
                else:
                    factors.append((high - low) * share + low)
                break
            start = end
    return {"total": total, "rise": rise, "start_divisor": start_divisor, "final_divisor": final_divisor,
            "is_cosine": is_cosine, "factors": factors}


def plateau(losses, factor, patience, threshold, cooldown, final_factor):
    """ReduceLROnPlateau in mode `min` with a relative threshold, from a rate of 1."""
    rate, best, bad, waiting, factors = 1.0, math.inf, 0, 0, []
    for loss in losses:
        if loss < best * (1 - threshold):
            best, bad = loss, 0
        else:
            bad += 1
        if waiting > 0:
            waiting -= 1
            bad = 0
        if bad > patience:
            rate = max(rate * factor, final_factor)
            waiting, bad = cooldown, 0
        factors.append(rate)
    return {"losses": losses, "factor": factor, "patience": patience, "threshold": threshold, "cooldown": cooldown,
            "final_factor": final_factor, "factors": factors}


draw = numpy.random.RandomState(41)
flat = [1.0, 0.8, 0.79999, 0.8, 0.81, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.69, 0.9, 0.9, 0.9, 0.9, 0.9]
goldens = {
    "elements": elements(draw),
    "distillation": [distillation(draw, *case) for case in [(2.0, 0.75), (1.0, 0.0), (4.0, 0.1), (20.0, 0.5)]],
    "one_cycle": [one_cycle(*case) for case in
                  [(20, 0.3, 25.0, 1e4, True), (37, 0.25, 10.0, 100.0, False), (8, 0.5, 4.0, 1e3, True)]],
    "plateau": [plateau(flat, *case) for case in
                [(0.1, 2, 1e-4, 0, 0.0), (0.5, 1, 1e-4, 2, 0.2), (0.5, 0, 0.05, 0, 0.0)]],
}
path = pathlib.Path(__file__).parent / "losses.json"
path.write_text(json.dumps(goldens, separators=(",", ":"), allow_nan=False) + "\n")
