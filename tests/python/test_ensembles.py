"""Ensembles, as stock clients of Triton and of TensorFlow Serving see them."""

import json
import urllib.request

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient.utils import InferenceServerException

import conftest
from test_compat import Started, free_port

# The sum and the difference of two pairs of numbers, the first of which goes through two models.
CONFIG = """
name: "pairs"
platform: "ensemble"
max_batch_size: 16
input [
  { name: "A" data_type: TYPE_FP32 dims: [ 2 ] },
  { name: "B" data_type: TYPE_FP32 dims: [ 2 ] }
]
output [
  { name: "SUM" data_type: TYPE_FP32 dims: [ 2 ] },
  { name: "DIFFERENCE" data_type: TYPE_FP32 dims: [ 2 ] }
]
ensemble_scheduling {
  step [
    {
      model_name: "identity_float32" model_version: -1
      input_map { key: "x" value: "A" }
      output_map { key: "y" value: "passed" }
    },
    {
      model_name: "add" model_version: -1
      input_map { key: "a" value: "passed" }
      input_map { key: "b" value: "B" }
      output_map { key: "sum" value: "SUM" }
      output_map { key: "difference" value: "DIFFERENCE" }
    }
  ]
}
"""
LOOKUP = """
platform: "ensemble"
input { name: "index" data_type: TYPE_INT64 dims: -1 }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
ensemble_scheduling { step {
  model_name: "gather" model_version: -1
  input_map { key: "index" value: "index" } output_map { key: "y" value: "y" }
} }
"""
A = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
B = np.array([[10.0, 20.0], [30.0, 40.0]], np.float32)


class Ensembles(conftest.Server):
    def __init__(self, folder):
        repository = folder / "ensembles"
        for name in ["add", "identity_float32", "gather"]:
            conftest.put(repository, name, 1, name)
        for name, config in [("pairs", CONFIG), ("lookup", LOOKUP)]:
            (repository / name / "1").mkdir(parents=True)
            (repository / name / "config.pbtxt").write_text(config)
        super().__init__(folder, ["--repository", repository])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Ensembles(tmp_path_factory.mktemp("ensembles"))
    yield server
    server.stop()


def tensors(library, **arrays):
    sent = []
    for name, (array, datatype) in arrays.items():
        tensor = library.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array)
        sent.append(tensor)
    return sent


@pytest.mark.parametrize("library", [tritonclient.grpc, tritonclient.http])
def test_tritons_clients_ask_one_model(server, library):
    url = server.oip_grpc if library is tritonclient.grpc else server.oip_rest
    with library.InferenceServerClient(url) as client:
        assert client.is_model_ready("pairs")
        result = client.infer("pairs", tensors(library, A=(A, "FP32"), B=(B, "FP32")))
        np.testing.assert_array_equal(result.as_numpy("SUM"), A + B)
        np.testing.assert_array_equal(result.as_numpy("DIFFERENCE"), A - B)
        only = [library.InferRequestedOutput("SUM")]
        result = client.infer("pairs", tensors(library, A=(A, "FP32"), B=(B, "FP32")), outputs=only)
        assert result.as_numpy("DIFFERENCE") is None
        with pytest.raises(InferenceServerException, match=r"in ensemble 'lookup', step 1 \(`gather`\)"):
            client.infer("lookup", tensors(library, index=(np.array([99], np.int64), "INT64")))


def test_its_configuration_names_the_steps(server):
    with tritonclient.grpc.InferenceServerClient(server.oip_grpc) as client:
        config = client.get_model_config("pairs").config
        assert (config.platform, config.max_batch_size) == ("ensemble", 16)
        assert [step.model_name for step in config.ensemble_scheduling.step] == ["identity_float32", "add"]
        assert config.ensemble_scheduling.step[1].input_map["a"] == "passed"
        metadata = client.get_model_metadata("pairs")
        assert (metadata.platform, metadata.versions) == ("ensemble", ["1"])
        assert {tensor.name: list(tensor.shape) for tensor in metadata.inputs} == {"A": [-1, 2], "B": [-1, 2]}
        assert not client.get_model_config("add").config.HasField("ensemble_scheduling")
    with tritonclient.http.InferenceServerClient(server.oip_rest) as client:
        steps = client.get_model_config("pairs")["ensemble_scheduling"]["step"]
        assert steps[0]["output_map"] == {"y": "passed"} and steps[0]["model_version"] == -1
        assert "ensemble_scheduling" not in client.get_model_config("add")


def test_ensemble_and_members_are_counted(server):
    with tritonclient.grpc.InferenceServerClient(server.oip_grpc) as client:
        def counts(model):
            counted = client.get_inference_statistics(model).model_stats[0]
            return np.array([counted.inference_stats.success.count, counted.inference_count, counted.execution_count])

        models = ["pairs", "identity_float32", "add"]
        before = [counts(model) for model in models]
        client.infer("pairs", tensors(tritonclient.grpc, A=(A, "FP32"), B=(B, "FP32")))
        for model, earlier in zip(models, before):
            np.testing.assert_array_equal(counts(model) - earlier, [1, 2, 1])


def test_tensorflow_servings_wires_ask_it_too(server):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "pairs"
    for name, array in [("A", A), ("B", B)]:
        request.inputs[name].dtype = 1
        for size in array.shape:
            request.inputs[name].tensor_shape.dim.add().size = size
        request.inputs[name].float_val.extend(array.flatten().tolist())
    with grpc.insecure_channel(server.grpc) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=20)
    assert list(answer.outputs["SUM"].float_val) == (A + B).flatten().tolist()
    assert answer.model_spec.version.value == 1
    body = json.dumps({"instances": [{"A": [1.0, 2.0], "B": [3.0, 4.0]}]}).encode()
    with urllib.request.urlopen(f"{server.rest}/pairs:predict", body, timeout=20) as reply:
        assert json.load(reply) == {"predictions": [{"SUM": [4.0, 6.0], "DIFFERENCE": [-2.0, -2.0]}]}
    with urllib.request.urlopen(f"{server.rest}/pairs/metadata", timeout=20) as reply:
        assert "DIFFERENCE" in reply.read().decode()


def test_who_loads_an_ensemble_loads_its_members(tmp_path):
    repository = tmp_path / "models"
    for name in ["add", "identity_float32", "gather"]:
        conftest.put(repository, name, 1, name)
    (repository / "pairs").mkdir()
    (repository / "pairs" / "config.pbtxt").write_text(CONFIG)
    http, rpc = free_port(), free_port()
    flags = [f"--model-repository={repository}", "--model-control-mode=explicit", "--http-address=127.0.0.1"]
    flags += [f"--http-port={http}", f"--grpc-port={rpc}", f"--metrics-port={free_port()}"]
    server = Started(tmp_path, "tritonserver", flags)
    models = ["pairs", "add", "identity_float32", "gather"]
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{http}") as client:
        assert not any(client.is_model_ready(model) for model in models)
        client.load_model("pairs")
        assert [client.is_model_ready(model) for model in models] == [True, True, True, False]
        client.unload_model("pairs", unload_dependents=True)
        assert not any(client.is_model_ready(model) for model in models)
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{rpc}") as client:
        client.load_model("pairs")
        result = client.infer("pairs", tensors(tritonclient.grpc, A=(A, "FP32"), B=(B, "FP32")))
        np.testing.assert_array_equal(result.as_numpy("SUM"), A + B)
        client.unload_model("pairs")
        assert [client.is_model_ready(model) for model in models] == [False, True, True, False]
    server.stop()
