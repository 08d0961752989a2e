"""A model of a table, trained by the command, asked with its raw columns by the stock clients."""

import os
import subprocess

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import tritonclient.grpc
import tritonclient.http
from conftest import Server
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

RECIPE = """
name = "people"
[data]
path = "people.csv"
target = "rich"
[validation]
folds = 3
[search]
trials = 2
[[candidates]]
kind = "gradient_boosting"
trees = 20
"""

AGES = np.array([60.0, 20.0, 20.0, np.nan], dtype=np.float64)
JOBS = np.array(["cook", "smith", "baker", "baker"], dtype=object)
HOURS = np.array([30.0, 30.0, 30.0, 30.0], dtype=np.float64)
EXPECTED = ["yes", "no", "yes", "yes"]


def people():
    """People who are rich where they are old or a baker; some ages are missing."""
    lines = ["age,job,hours,rich"]
    for row in range(500):
        age, job = 18 + row * 37 % 60, ["baker", "cook", "smith"][row * 13 % 3]
        rich = "yes" if age > 50 or job == "baker" else "no"
        lines.append(f"{'' if row % 11 == 5 else age},{job},{20 + row * 31 % 40},{rich}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    (folder / "people.csv").write_text(people())
    (folder / "recipe.toml").write_text(RECIPE)
    binary = os.environ.get("WHARF_BIN")
    if not binary:
        pytest.skip("WHARF_BIN does not name the server binary")
    models = folder / "models"
    arguments = [binary, "train", folder / "recipe.toml", "--repository", models, "--runs", folder / "runs"]
    trained = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert trained.returncode == 0, trained.stderr
    assert "published people/1" in trained.stdout
    server = Server(folder, models=["--repository", models])
    yield server
    server.stop()


def inputs(kind):
    columns = [kind.InferInput("age", [4], "FP64"), kind.InferInput("job", [4], "BYTES"), kind.InferInput("hours", [4], "FP64")]
    for column, values in zip(columns, [AGES, JOBS, HOURS], strict=True):
        column.set_data_from_numpy(values)
    return columns


def texts(tensor):
    return [value.decode() if isinstance(value, bytes) else value for value in tensor]


@pytest.mark.parametrize("kind", [tritonclient.http, tritonclient.grpc])
def test_triton_clients_send_columns(server, kind):
    client = kind.InferenceServerClient(server.oip_rest if kind is tritonclient.http else server.oip_grpc)
    result = client.infer("people", inputs(kind))
    assert texts(result.as_numpy("labels")) == EXPECTED
    probabilities = result.as_numpy("probabilities")
    assert probabilities.shape == (4, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(result.as_numpy("classes"), [1, 0, 1, 1])


def test_tensorflow_servings_client_sends_columns(server):
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "people"
        for name, values in [("age", AGES), ("job", JOBS), ("hours", HOURS)]:
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        outputs = stub.Predict(request, timeout=10).outputs
    assert texts(tf.make_ndarray(outputs["labels"])) == EXPECTED


def test_metadata_tells_the_columns(server):
    metadata = requests.get(f"http://{server.oip_rest}/v2/models/people", timeout=10).json()
    assert {(tensor["name"], tensor["datatype"]) for tensor in metadata["inputs"]} == {("age", "FP64"), ("job", "BYTES"), ("hours", "FP64")}


def test_a_column_that_is_missing_is_named(server):
    reply = requests.post(f"{server.rest}/people:predict", json={"inputs": {"age": [1.0], "hours": [1.0]}}, timeout=10)
    assert reply.status_code == 400
    assert "job" in reply.json()["error"]
