"""Checks the model that the test `every_operator_agrees_with_pytorch` wrote.

    python check_model.py FOLDER        # needs onnx, onnxruntime, torch

FOLDER holds `model.onnx`, and the constants of it are its weights. Prints `agrees` at the end.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import numpy_helper

path = str(Path(sys.argv[1]) / "model.onnx")
model = onnx.load(path)
onnx.checker.check_model(model, full_check=True)
onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
assert model.opset_import[0].version == 17 and model.ir_version == 8
assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"

weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}


def reference(pixels):
    """The network of the test, in PyTorch."""
    w = weights
    x = pixels.float() / 255
    x = (x.permute(0, 3, 1, 2) - w["mean"]) / w["std"]
    x = F.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=1)
    x = F.batch_norm(x, w["bn.mean"], w["bn.var"], w["bn.weight"], w["bn.bias"], eps=1e-5)
    x = F.gelu(x)
    x = F.max_pool2d(x, 2)
    y = F.conv2d(x, w["conv2.weight"], None, stride=1, padding=2, dilation=2, groups=2)
    x = F.relu(x + y)
    x = F.avg_pool2d(x, 3, 2, padding=1)
    x = F.pad(x, (1, 0, 0, 2), value=0.25)
    average, largest = x.mean((2, 3)), x.amax((2, 3))
    x = average * largest
    x = F.linear(x, w["fc1.weight"], w["fc1.bias"])
    x = x @ w["fc2.weight"] + w["fc2.bias"]
    x = x @ w["fc3.weight"]
    return x.reshape(-1, 2, 3).reshape(-1, 6)


session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
for batch in (1, 5):
    pixels = np.random.default_rng(batch).integers(0, 256, (batch, 9, 8, 3), dtype=np.uint8)
    logits, probabilities, classes = session.run(["logits", "probabilities", "classes"], {"image": pixels})
    expected = reference(torch.from_numpy(pixels))
    np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(probabilities, expected.softmax(1).numpy(), rtol=1e-4, atol=1e-6)
    assert classes.dtype == np.int64 and (classes == expected.argmax(1).numpy()).all()
print("agrees")
