"""KServe's first protocol and the probes, by plain HTTP."""

import pytest
import requests

TIMEOUT = 20.0


def test_predictions(server):
    for key in ["instances", "inputs"]:
        reply = requests.post(f"{server.http}/v1/models/half_plus_two:predict", json={key: [1.0, 2.0]}, timeout=TIMEOUT)
        assert (reply.status_code, reply.json()) == (200, {"predictions": [2.5, 3.0]})


def test_status(server):
    models = requests.get(f"{server.http}/v1/models", timeout=TIMEOUT).json()["models"]
    assert "half_plus_two" in models
    assert requests.get(f"{server.http}/v2/models", timeout=TIMEOUT).json()["models"] == models
    reply = requests.get(f"{server.http}/v1/models/half_plus_two", timeout=TIMEOUT)
    assert reply.json() == {"name": "half_plus_two", "ready": True}
    reply = requests.get(f"{server.http}/v1/models/absent", timeout=TIMEOUT)
    assert (reply.status_code, reply.json()["error"]) == (404, "Model with name absent does not exist.")


def test_the_open_inference_protocol_answers_beside_it(server):
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.0]}]}
    reply = requests.post(f"{server.http}/v2/models/half_plus_two/infer", json=body, timeout=TIMEOUT)
    assert reply.json()["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1], "data": [2.5]}]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/half_plus_two:predict", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/nothing", 404),
        ("POST", "/v1/models/half_plus_two:explain", 501),
        ("POST", "/v1/models/absent:predict", 404),
    ],
)
def test_what_is_not_there(server, method, path, status):
    body = '{"instances": [1.0]}' if method == "POST" else None
    reply = requests.request(method, server.http + path, data=body, timeout=TIMEOUT)
    assert reply.status_code == status and "error" in reply.json()


def test_probes_answer_on_every_http_port(server):
    rest = server.rest.removesuffix("/v1/models")
    for base in [rest, f"http://{server.oip_rest}", server.http]:
        for path in ["/healthz", "/readyz"]:
            assert requests.get(base + path, timeout=TIMEOUT).status_code == 200
