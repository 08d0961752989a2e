"""The REST interface as `requests` and curl use it, against the real server."""

import base64
import concurrent.futures
import gzip
import io
import json
import math

import numpy as np
import pytest
import requests
from PIL import Image


def post(server, path, body, **options):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return requests.post(f"{server.rest}/{path}", data=data, timeout=20, **options)


def picture(colour):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, :, colour] = 200
    return pixels


def test_both_forms_give_the_same_numbers(server):
    for path in ("half_plus_two:predict", "half_plus_two/versions/123:predict", "half_plus_two:Predict"):
        reply = post(server, path, {"instances": [1.0, 2.0, 5.0]})
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.json() == {"predictions": [2.5, 3.0, 4.5]}
    assert post(server, "half_plus_two:predict", {"instances": [{"x": 1}]}).json() == {"predictions": [2.5]}
    assert post(server, "half_plus_two:predict", {"inputs": [1, 2]}).json() == {"outputs": [2.5, 3.0]}
    assert post(server, "half_plus_two:predict", {"inputs": {"x": [1, 2]}}).json() == {"outputs": [2.5, 3.0]}


def test_replies_are_laid_out_as_the_reference_lays_them_out(server):
    reply = post(server, "half_plus_two:predict", {"instances": [1.0, 2.0, 5.0]})
    assert reply.text == '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'


def test_several_inputs_and_outputs_are_named(server):
    rows = [{"a": [1, 2], "b": [3, 4]}, {"b": [0, 0], "a": [5, 6]}]
    expected = [{"sum": [4.0, 6.0], "difference": [-2.0, -2.0]}, {"sum": [5.0, 6.0], "difference": [5.0, 6.0]}]
    assert post(server, "add:predict", {"instances": rows}).json() == {"predictions": expected}
    columns = post(server, "add:predict", {"inputs": {"a": [[1, 2]], "b": [[3, 4]], "c": 1}}).json()
    assert columns == {"outputs": {"sum": [[4.0, 6.0]], "difference": [[-2.0, -2.0]]}}


def test_the_content_type_is_ignored(server):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert post(server, "half_plus_two:predict", {"instances": [1]}, headers=headers).status_code == 200


def test_numbers_that_json_lacks_go_both_ways(server):
    reply = post(server, "half_plus_two:predict", '{"instances": [NaN, Infinity, -Infinity, 1e-40, 1677721]}')
    assert "NaN, Infinity, -Infinity, 2.0, 838862.5" in reply.text
    values = reply.json()["predictions"]
    assert math.isnan(values[0]) and values[1] == math.inf and values[2] == -math.inf


def test_strings_are_text_unless_their_name_says_bytes(server):
    body = {"instances": [["plain é"], [{"b64": base64.b64encode(b"hi").decode()}]]}
    assert post(server, "text:predict", body).json() == {
        "predictions": [
            {"y": ["plain é"], "y_bytes": [{"b64": base64.b64encode("plain é".encode()).decode()}]},
            {"y": ["hi"], "y_bytes": [{"b64": "aGk="}]},
        ]
    }


def test_every_type_goes_there_and_back(server):
    for dtype, values in [
        ("bool", [[True, False]]),
        ("uint8", [[0, 255]]),
        ("uint32", [[0, 4294967295]]),
        ("uint64", [[0, 18446744073709551615]]),
        ("int8", [[-128, 127]]),
        ("int16", [[-32768, 32767]]),
        ("int32", [[-2147483648, 2147483647]]),
        ("int64", [[-9223372036854775808, 9223372036854775807]]),
        ("float32", [[0.1, -1.5]]),
        ("float64", [[0.1, 1e300]]),
    ]:
        reply = post(server, f"identity_{dtype}:predict", {"instances": values})
        assert reply.json() == {"predictions": values}, dtype
    assert post(server, "identity_float16:predict", {"instances": [[1.0]]}).status_code == 501


def test_pictures_are_classified(server):
    pixels = [picture(0).tolist(), picture(1).tolist()]
    rows = post(server, "colours:predict", {"instances": pixels}).json()["predictions"]
    assert [row["classes"] for row in rows] == [0, 1]
    assert sum(rows[0]["probabilities"]) == pytest.approx(1.0, abs=1e-5)
    file = io.BytesIO()
    Image.fromarray(picture(2)).save(file, "PNG")
    coded = {"b64": base64.b64encode(file.getvalue()).decode()}
    reply = post(server, "colours:predict", {"signature_name": "encoded", "instances": [coded]}).json()
    assert reply["predictions"][0]["labels"] == "blue"
    body = {"signature_name": "encoded", "examples": [{"image_bytes": coded}]}
    (pairs,) = post(server, "colours:classify", body).json()["results"]
    assert [label for label, _ in pairs] == ["red", "green", "blue"]
    assert max(pairs, key=lambda pair: pair[1])[0] == "blue"


def test_regress_takes_examples_and_context(server):
    assert post(server, "number:regress", {"examples": [{"x": 1.0}, {"x": [5]}]}).json() == {"results": [2.5, 4.5]}
    body = {"context": {"x": 2.0}, "examples": [{}, {"x": 1.0}]}
    assert post(server, "number:regress", body).json() == {"results": [3.0, 2.5]}


def test_gzip_bodies_are_unpacked_and_bombs_are_not(server):
    headers = {"Content-Encoding": "gzip"}
    body = gzip.compress(b'{"instances": [1]}')
    assert post(server, "half_plus_two:predict", body, headers=headers).json() == {"predictions": [2.5]}
    bomb = gzip.compress(b" " * (65 << 20))
    assert post(server, "half_plus_two:predict", bomb, headers=headers).status_code == 413
    assert post(server, "half_plus_two:predict", body[:-4], headers=headers).status_code == 400
    assert post(server, "half_plus_two:predict", body, headers={"Content-Encoding": "br"}).status_code == 415


def test_status_and_metadata_have_the_forms_of_the_reference(server):
    status = {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("half_plus_two", "half_plus_two/versions/123", "HALF_PLUS_TWO".lower() + "/labels/any"):
        assert requests.get(f"{server.rest}/{path}", timeout=20).json() == {"model_version_status": [status]}
    metadata = requests.get(f"{server.rest}/half_plus_two/metadata", timeout=20).json()
    assert metadata["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature == {
        "inputs": {"x": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}, "name": "x:0"}},
        "outputs": {"y": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}, "name": "y:0"}},
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "", None, 400, "Missing model name in request."),
        ("GET", "/missing", None, 404, "Could not find any versions of model missing"),
        ("GET", "/half_plus_two/versions/5", None, 404, "Could not find version 5 of model half_plus_two"),
        ("GET", "/half_plus_two/nonsense", None, 400, "Malformed request: GET /v1/models/half_plus_two/nonsense"),
        ("POST", "/missing:predict", '{"instances": [1]}', 404, "Servable not found for request: Latest(missing)"),
        ("POST", "/half_plus_two:predict", "", 400, "JSON Parse error: The document is empty"),
        ("POST", "/half_plus_two:predict", "{}", 400, "Missing 'inputs' or 'instances' key"),
        ("POST", "/half_plus_two:predict", '{"instances": ["x"]}', 400, 'JSON Value: "x" Type: String is not of expected type: float'),
        ("POST", "/half_plus_two:predict", '{"signature_name": "no", "instances": [1]}', 400, 'Serving signature name: "no" not found in signature def'),
        ("POST", "/half_plus_two/labels/no:predict", '{"instances": [1]}', 400, "Unrecognized servable version label: no"),
        ("POST", "/half_plus_two:explode", "{}", 400, "Malformed request: POST /v1/models/half_plus_two:explode"),
        ("DELETE", "/half_plus_two", None, 400, "Malformed request: DELETE /v1/models/half_plus_two"),
    ],
)
def test_errors_have_the_codes_and_texts_of_the_reference(server, method, path, body, status, text):
    reply = requests.request(method, server.rest + path, data=body, timeout=20)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert text in reply.json()["error"]


def test_paths_of_nobody_are_not_found(server):
    assert requests.get(server.rest.replace("/v1/models", "/elsewhere"), timeout=20).status_code == 404


def test_many_clients_at_once_get_their_own_answers(server):
    def ask(value):
        return post(server, "half_plus_two:predict", {"instances": [value]}).json()["predictions"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(200))) == [[value / 2 + 2] for value in range(200)]
