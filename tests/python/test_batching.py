"""Requests that share a batch, from several wires, as the files of both ecosystems set it up."""

import queue
import urllib.request

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient.utils import InferenceServerException

import conftest

# Whoever waits for company waits until the batch is full: no test waits for the clock.
PATIENT = "batch_timeout_micros { value: 60000000 }"
TIMEOUT = 50
INT64, FLOAT = 9, 1


class Batching(conftest.Server):
    def __init__(self, folder, models, parameters=None):
        repository = folder / "models"
        for name, (model, config) in models.items():
            conftest.put(repository, name, 1, model)
            if config:
                (repository / name / "config.pbtxt").write_text(config)
        flags = ["--repository", repository]
        if parameters:
            file = folder / "batching.txt"
            file.write_text(parameters)
            flags += ["--batching-parameters-file", file]
        super().__init__(folder, flags)

    def metric(self, line):
        with urllib.request.urlopen(f"{self.metrics}/metrics", timeout=20) as reply:
            lines = dict(found.rsplit(" ", 1) for found in reply.read().decode().splitlines() if found[0] != "#")
        return float(lines[line])


@pytest.fixture
def start(tmp_path):
    servers = []

    def start(*arguments):
        servers.append(Batching(tmp_path, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def tensor(name, array, datatype):
    sent = triton.InferInput(name, list(array.shape), datatype)
    sent.set_data_from_numpy(array)
    return sent


def predict(model, name, array, dtype):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].dtype = dtype
    for size in array.shape:
        request.inputs[name].tensor_shape.dim.add().size = size
    request.inputs[name].tensor_content = array.tobytes()
    return request


def test_t14_one_bad_request_of_32_from_two_wires_fails_alone(start):
    server = start({"gather": ("gather", None)}, f"max_batch_size {{ value: 32 }} {PATIENT}")
    bad = 13
    indices = [99 if number == bad else number % 3 for number in range(32)]
    answers = queue.Queue()
    with triton.InferenceServerClient(server.oip_grpc) as client, grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        # Of the wrong type it never meets the others.
        with pytest.raises(InferenceServerException, match="data-type is 'FP32'"):
            client.infer("gather", [tensor("index", np.array([1], np.float32), "FP32")])
        calls = []
        for number, index in enumerate(indices):
            index = np.array([index], np.int64)
            if number % 2:
                take = lambda result, error, number=number: answers.put((number, result, error))
                client.async_infer("gather", [tensor("index", index, "INT64")], take)
            else:
                calls.append((number, stub.Predict.future(predict("gather", "index", index, INT64), timeout=TIMEOUT)))
        found = {number: list(call.result().outputs["y"].float_val) for number, call in calls}
        for _ in range(16):
            number, result, error = answers.get(timeout=TIMEOUT)
            found[number] = error or result.as_numpy("y").tolist()
    failure = found.pop(bad)
    assert isinstance(failure, InferenceServerException) and "INVALID_ARGUMENT" in failure.status()
    assert found == {number: [10.0 * (index + 1)] for number, index in enumerate(indices) if number != bad}
    labels = 'model="gather",version="1"'
    assert server.metric(f'wharf_batches_total{{{labels},reason="full"}}') == 1
    assert server.metric(f"wharf_batched_requests_total{{{labels}}}") == 32
    assert server.metric(f"wharf_batches_split_total{{{labels}}}") == 1


def test_large_batches_are_cut_into_runs_and_answered_whole(start):
    parameters = "enable_large_batch_splitting { value: true } max_batch_size { value: 10 }"
    server = start({"half": ("half_plus_two", None)}, f"{parameters} max_execution_batch_size {{ value: 4 }}")
    x = np.arange(10, dtype=np.float32)
    with grpc.insecure_channel(server.grpc) as channel, triton.InferenceServerClient(server.oip_grpc) as client:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(predict("half", "x", x, FLOAT), timeout=TIMEOUT)
        assert list(answer.outputs["y"].float_val) == (x / 2 + 2).tolist()
        counted = client.get_inference_statistics("half").model_stats[0]
        assert max(batch.batch_size for batch in counted.batch_stats) == 4
        assert (counted.inference_count, counted.inference_stats.success.count) == (10, 1)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Predict(predict("half", "x", np.zeros(11, np.float32), FLOAT), timeout=TIMEOUT)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "a batch of 11, expected at most 10" in refused.value.details()


def test_variable_lengths_are_padded_with_each_tensors_first_element(start):
    parameters = f"pad_variable_length_inputs: true max_batch_size {{ value: 2 }} {PATIENT}"
    server = start({"same": ("identity_int64", None)}, parameters)
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        sent = [np.array([[7, 8]], np.int64), np.array([[1, 2, 3, 4]], np.int64)]
        calls = [stub.Predict.future(predict("same", "x", array, INT64), timeout=TIMEOUT) for array in sent]
        answers = [list(call.result().outputs["y"].int64_val) for call in calls]
    assert answers == [[7, 8, 7, 7], [1, 2, 3, 4]]
    assert server.metric('wharf_batches_total{model="same",version="1",reason="full"}') == 1


def test_ragged_inputs_are_padded_to_buckets_with_a_declared_value(start):
    config = """max_batch_size: 8
        input { name: "x" data_type: TYPE_INT64 dims: -1 allow_ragged_batch: true }
        parameters { key: "pad_value" value { string_value: "-1" } }
        parameters { key: "pad_buckets" value { string_value: "4,8" } }"""
    server = start({"same": ("identity_int64", config)})
    with triton.InferenceServerClient(server.oip_grpc) as client:
        assert client.get_model_config("same").config.input[0].allow_ragged_batch
        for length, padded in [(2, 4), (4, 4), (5, 8), (9, 9)]:
            for _ in range(3):
                x = np.arange(length, dtype=np.int64).reshape(1, length)
                y = client.infer("same", [tensor("x", x, "INT64")]).as_numpy("y")
                np.testing.assert_array_equal(y, [[*range(length), *[-1] * (padded - length)]])
