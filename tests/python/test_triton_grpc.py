"""Triton's stock gRPC client, unmodified, against the real server."""

import asyncio
import queue

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.oip_grpc) as client:
        yield client


def tensor(name, array, datatype):
    sent = triton.InferInput(name, list(array.shape), datatype)
    sent.set_data_from_numpy(array)
    return sent


def test_server_and_model_tell_what_they_are(client, server):
    assert client.is_server_live()
    assert client.is_model_ready("half_plus_two", "123")
    assert not client.is_model_ready("half_plus_two", "9")
    assert client.get_server_metadata().name == "triton"
    metadata = client.get_model_metadata("half_plus_two")
    assert (metadata.inputs[0].datatype, list(metadata.inputs[0].shape)) == ("FP32", [-1])
    assert client.get_model_config("half_plus_two").config.input[0].data_type == 11
    # Every gRPC port serves every service.
    with triton.InferenceServerClient(server.grpc) as other:
        assert other.is_server_live()


def test_infer(client):
    x = np.array([1.0, 2.0, -4.5], np.float32)
    result = client.infer("half_plus_two", [tensor("x", x, "FP32")], request_id="r1", client_timeout=TIMEOUT)
    np.testing.assert_allclose(result.as_numpy("y"), x / 2 + 2)
    assert (result.get_response().model_version, result.get_response().id) == ("123", "r1")


def test_strings_and_halves(client):
    texts = np.array([["one"], ["zwei ä"], [""]], dtype=object)
    result = client.infer("text", [tensor("x", texts, "BYTES")])
    assert [item.decode() for item in result.as_numpy("y").flatten()] == ["one", "zwei ä", ""]
    metadata = client.get_model_metadata("identity_float16")
    halves = np.array([0.5, 2.0], np.float16).reshape([-1] + [1] * (len(metadata.inputs[0].shape) - 1))
    result = client.infer("identity_float16", [tensor(metadata.inputs[0].name, halves, "FP16")])
    np.testing.assert_array_equal(result.as_numpy(metadata.outputs[0].name), halves)


def test_classification(client):
    pixels = np.full((1, 4, 4, 3), 200, np.uint8)
    outputs = [triton.InferRequestedOutput("probabilities", class_count=3)]
    classes = client.infer("colours", [tensor("image", pixels, "UINT8")], outputs=outputs).as_numpy("probabilities")
    assert sorted(item.decode().split(":")[2] for item in classes[0]) == ["blue", "green", "red"]


def test_async_infer(client):
    answers = queue.Queue()
    x = np.array([2.0], np.float32)
    for _ in range(8):
        client.async_infer(
            "half_plus_two", [tensor("x", x, "FP32")], lambda result, error: answers.put((result, error))
        )
    for _ in range(8):
        result, error = answers.get(timeout=TIMEOUT)
        assert error is None
        np.testing.assert_allclose(result.as_numpy("y"), [3.0])


def test_streams_answer_in_order_and_survive_errors(client):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(20):
        model = "absent" if number == 10 else "half_plus_two"
        x = np.array([float(number)], np.float32)
        client.async_stream_infer(model, [tensor("x", x, "FP32")], request_id=str(number))
    for number in range(20):
        result, error = answers.get(timeout=TIMEOUT)
        if number == 10:
            assert "Request for unknown model: 'absent'" in str(error)
        else:
            assert error is None and result.get_response().id == str(number)
            np.testing.assert_allclose(result.as_numpy("y"), [number / 2 + 2])
    client.stop_stream()


@pytest.mark.parametrize(
    ("model", "version", "inputs", "text"),
    [
        ("absent", "", [("x", np.zeros(1, np.float32), "FP32")], "Request for unknown model: 'absent' is not found"),
        ("half_plus_two", "x", [("x", np.zeros(1, np.float32), "FP32")], "version should be an integer > 0"),
        ("half_plus_two", "", [("x", np.zeros((1, 1), np.float32), "FP32")], "unexpected shape for input 'x'"),
    ],
)
def test_what_is_wrong_is_said(client, model, version, inputs, text):
    with pytest.raises(InferenceServerException, match=text):
        client.infer(model, [tensor(*given) for given in inputs], model_version=version)


def test_the_timeout_parameter_is_a_deadline(client):
    with pytest.raises(InferenceServerException, match="deadline"):
        client.infer("half_plus_two", [tensor("x", np.zeros(1 << 20, np.float32), "FP32")], timeout=1)


def test_repository_control_is_refused_without_it(client):
    index = client.get_model_repository_index()
    assert any(model.name == "add" and model.state == "READY" for model in index.models)
    with pytest.raises(InferenceServerException, match="explicit model load / unload is not allowed"):
        client.unload_model("add")


def test_aio_client(server):
    async def ask():
        async with triton_aio.InferenceServerClient(server.oip_grpc) as client:
            x = np.array([4.0], np.float32)
            return (await client.infer("half_plus_two", [tensor("x", x, "FP32")])).as_numpy("y")

    np.testing.assert_allclose(asyncio.run(ask()), [4.0])
