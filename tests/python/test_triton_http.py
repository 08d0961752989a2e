"""Triton's stock HTTP client, unmodified, against the real server."""

import asyncio

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.oip_rest, network_timeout=TIMEOUT, connection_timeout=TIMEOUT) as client:
        yield client


def tensor(name, array, datatype, binary=True):
    sent = triton.InferInput(name, list(array.shape), datatype)
    sent.set_data_from_numpy(array, binary_data=binary)
    return sent


def test_server_and_model_tell_what_they_are(client):
    assert client.is_server_live()
    assert client.get_server_metadata()["name"] == "triton"
    assert client.is_model_ready("half_plus_two")
    assert not client.is_model_ready("absent")
    metadata = client.get_model_metadata("half_plus_two")
    assert metadata["versions"] == ["123"]
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    config = client.get_model_config("half_plus_two")
    assert config["input"][0]["data_type"] == "TYPE_FP32"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer_in_every_form(client, binary_in, binary_out):
    x = np.array([1.0, 2.0, -4.5], np.float32)
    outputs = [triton.InferRequestedOutput("y", binary_data=binary_out)]
    result = client.infer("half_plus_two", [tensor("x", x, "FP32", binary_in)], outputs=outputs, request_id="r1")
    np.testing.assert_allclose(result.as_numpy("y"), x / 2 + 2)
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("half_plus_two", "123", "r1")


def test_infer_without_named_outputs(client):
    x = np.array([8.0], np.float32)
    np.testing.assert_allclose(client.infer("half_plus_two", [tensor("x", x, "FP32")]).as_numpy("y"), [6.0])


@pytest.mark.parametrize(
    ("dtype", "datatype", "json"),
    [
        ("bool", "BOOL", True),
        ("uint8", "UINT8", True),
        ("uint32", "UINT32", True),
        ("uint64", "UINT64", True),
        ("int8", "INT8", True),
        ("int16", "INT16", True),
        ("int32", "INT32", True),
        ("int64", "INT64", True),
        ("float16", "FP16", False),
        ("float32", "FP32", True),
        ("float64", "FP64", True),
    ],
)
def test_every_type_comes_back_as_it_went(client, dtype, datatype, json):
    metadata = client.get_model_metadata(f"identity_{dtype}")
    rank = len(metadata["inputs"][0]["shape"])
    array = np.array([0, 1, 1, 0]).astype(dtype).reshape([-1] + [1] * (rank - 1))
    name, output = metadata["inputs"][0]["name"], metadata["outputs"][0]["name"]
    for binary in [True] + [False] * json:
        outputs = [triton.InferRequestedOutput(output, binary_data=binary)]
        sent = tensor(name, array, datatype, binary)
        result = client.infer(f"identity_{dtype}", [sent], outputs=outputs)
        np.testing.assert_array_equal(result.as_numpy(output), array)


@pytest.mark.parametrize("binary", [True, False])
def test_strings(client, binary):
    texts = np.array([["one"], ["zwei ä"], [""]], dtype=object)
    outputs = [triton.InferRequestedOutput("y", binary_data=binary)]
    result = client.infer("text", [tensor("x", texts, "BYTES", binary)], outputs=outputs)
    got = [item.decode() if isinstance(item, bytes) else item for item in result.as_numpy("y").flatten()]
    assert got == ["one", "zwei ä", ""]


def test_classification(client):
    pixels = np.full((2, 4, 4, 3), 200, np.uint8)
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    classes = client.infer("colours", [tensor("image", pixels, "UINT8")], outputs=outputs).as_numpy("probabilities")
    assert classes.shape == (2, 2)
    score, index, label = classes[0][0].decode().split(":")
    assert 0.0 <= float(score) <= 1.0 and label == ["red", "green", "blue"][int(index)]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_packed_requests(client, algorithm):
    x = np.arange(100, dtype=np.float32)
    result = client.infer("half_plus_two", [tensor("x", x, "FP32")], request_compression_algorithm=algorithm)
    np.testing.assert_allclose(result.as_numpy("y"), x / 2 + 2)


def test_async_requests(client):
    x = np.array([1.0], np.float32)
    pending = [client.async_infer("half_plus_two", [tensor("x", x, "FP32")]) for _ in range(8)]
    for request in pending:
        np.testing.assert_allclose(request.get_result().as_numpy("y"), [2.5])


@pytest.mark.parametrize(
    ("model", "version", "inputs", "text"),
    [
        ("absent", "", [("x", np.zeros(1, np.float32), "FP32")], "Request for unknown model: 'absent' is not found"),
        ("half_plus_two", "9", [("x", np.zeros(1, np.float32), "FP32")], "Request for unknown model"),
        ("half_plus_two", "", [("z", np.zeros(1, np.float32), "FP32")], "unexpected inference input 'z'"),
        ("half_plus_two", "", [("x", np.zeros(1, np.int64), "INT64")], "data-type is 'INT64', but model"),
        ("half_plus_two", "", [("x", np.zeros((1, 1), np.float32), "FP32")], "unexpected shape for input 'x'"),
        ("half_plus_two", "", [], "expected 1 inputs but got 0 inputs"),
    ],
)
def test_what_is_wrong_is_said(client, model, version, inputs, text):
    with pytest.raises(InferenceServerException, match=text):
        client.infer(model, [tensor(*given) for given in inputs], model_version=version)


def test_sequences_are_refused(client):
    sent = tensor("x", np.zeros(1, np.float32), "FP32")
    with pytest.raises(InferenceServerException, match="keeps no state"):
        client.infer("half_plus_two", [sent], sequence_id=5, sequence_start=True)


def test_repository_index(client):
    index = client.get_model_repository_index()
    assert {"name": "half_plus_two", "version": "123", "state": "READY"} in index
    with pytest.raises(InferenceServerException, match="explicit model load / unload is not allowed"):
        client.load_model("half_plus_two")


@pytest.mark.parametrize("binary", [True, False])
def test_aio_client(server, binary):
    async def ask():
        async with triton_aio.InferenceServerClient(server.oip_rest) as client:
            assert await client.is_server_ready()
            x = np.array([4.0], np.float32)
            return (await client.infer("half_plus_two", [tensor("x", x, "FP32", binary)])).as_numpy("y")

    np.testing.assert_allclose(asyncio.run(ask()), [4.0])
