"""What a scrape says agrees with what was sent: Prometheus' own parser, Triton's statistics by its stock clients."""

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from conftest import Server
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0
MODEL, VERSION = "half_plus_two", "123"


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A server of its own, after calls whose number is known."""
    server = Server(tmp_path_factory.mktemp("counted"))
    send_everything(server)
    yield server
    server.stop()


def send_everything(server):
    tfs_grpc(server, good=3, absent=1)
    for _ in range(2):
        assert requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":[1.0, 2.0]}', timeout=TIMEOUT).ok
    assert requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":', timeout=TIMEOUT).status_code == 400
    assert requests.post(f"{server.http}/v1/models/{MODEL}:predict", '{"instances":[1.0]}', timeout=TIMEOUT).ok
    for examples in ['{"x": 1}', '{"x": 1}, {"x": 2}, {"x": 3}, {"x": 4}']:
        assert requests.post(f"{server.rest}/number:regress", f'{{"examples":[{examples}]}}', timeout=TIMEOUT).ok
    with triton_grpc.InferenceServerClient(server.oip_grpc) as client:
        oip(client, triton_grpc, good=4)
    with triton_http.InferenceServerClient(server.oip_rest, network_timeout=TIMEOUT) as client:
        oip(client, triton_http, good=5)


def tfs_grpc(server, good, absent):
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for name in [MODEL] * good + ["made-up"] * absent:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones(3, np.float32)))
            try:
                stub.Predict(request, timeout=TIMEOUT)
            except grpc.RpcError as error:
                assert (name, error.code()) == ("made-up", grpc.StatusCode.NOT_FOUND)


def oip(client, module, good):
    """So many good calls of two rows each, and one of the wrong type."""
    for dtype, datatype in [("float32", "FP32")] * good + [("int64", "INT64")]:
        x = module.InferInput("x", [2], datatype)
        x.set_data_from_numpy(np.ones(2, dtype))
        try:
            client.infer(MODEL, [x])
        except InferenceServerException:
            assert datatype == "INT64"


class Scrape:
    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.values = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, *sorted(sample.labels.items()))
                assert key not in self.values, f"{key} is there twice"
                self.values[key] = sample.value

    def __call__(self, name, **labels):
        # The parser gives every counter the ending `_total`, which names of TensorFlow Serving and Triton lack.
        name = f"{name}_total" if name in self.families and self.families[name].type == "counter" else name
        return self.values.get((name, *sorted(labels.items())), 0)


def scrape(server, url=None):
    answer = requests.get(url or f"{server.metrics}/metrics", timeout=TIMEOUT)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scrape(answer.text)


def test_calls_count_by_wire_and_status(counted):
    seen = scrape(counted)
    for api, entrypoint, status, count in [
        ("Predict", "GRPC", "OK", 3),
        ("predict", "REST", "OK", 3),
        ("predict", "REST", "INVALID_ARGUMENT", 1),
        ("ModelInfer", "GRPC", "OK", 4),
        ("ModelInfer", "GRPC", "INVALID_ARGUMENT", 1),
        ("infer", "REST", "OK", 5),
        ("infer", "REST", "INVALID_ARGUMENT", 1),
    ]:
        labels = {"model": MODEL, "api": api, "entrypoint": entrypoint, "status": status}
        assert seen("wharf_api_requests_total", **labels) == count, labels
    unknown = {"model": "_unknown", "api": "Predict", "entrypoint": "GRPC", "status": "NOT_FOUND"}
    assert seen("wharf_api_requests_total", **unknown) == 1


def test_tensorflow_serving_finds_its_names(counted):
    seen = scrape(counted, f"{counted.rest.removesuffix('/v1/models')}/monitoring/prometheus/metrics")
    assert seen(":tensorflow:serving:request_count", model_name=MODEL, status="OK") == 6
    assert seen(":tensorflow:serving:request_count", model_name=MODEL, status="INVALID_ARGUMENT") == 1
    for api, entrypoint, count in [("Predict", "GRPC", 3), ("predict", "REST", 3)]:
        labels = {"model_name": MODEL, "API": api, "entrypoint": entrypoint}
        assert seen(":tensorflow:serving:request_latency_count", **labels) == count
        assert seen(":tensorflow:serving:request_latency_sum", **labels) > 0
        assert seen(":tensorflow:serving:request_latency_bucket", le="+Inf", **labels) == count


def test_tensorflow_serving_finds_what_is_below_its_wires(counted):
    seen = scrape(counted)
    assert seen(":tensorflow:serving:runtime_latency_count", model_name=MODEL, API="Predict", runtime="ONNX") == 15
    assert seen(":tensorflow:serving:batching_session:wrapped_run_count") == 15 + 2
    assert seen(":tensorflow:serving:request_example_counts_count", model="number") == 2
    assert seen(":tensorflow:serving:request_example_counts_bucket", model="number", le="2") == 1
    assert seen(":tensorflow:serving:request_example_count_total", model="number") == 5
    waits = seen(":tensorflow:serving:batching_session:queuing_latency_count", thread_pool_name="batch_threads")
    assert waits == sum(value for key, value in seen.values.items() if key[0] == "wharf_batch_wait_seconds_count")


def test_triton_finds_the_machine_and_a_histogram(counted):
    seen = scrape(counted)
    assert 0 <= seen("nv_cpu_utilization") <= 1
    assert seen("nv_cpu_memory_total_bytes") > seen("nv_cpu_memory_used_bytes") > 0
    labels = {"model": MODEL, "version": VERSION}
    assert seen("nv_inference_first_response_histogram_ms_count", **labels) == 15
    assert seen("nv_inference_first_response_histogram_ms_bucket", le="+Inf", **labels) == 15
    assert seen("nv_inference_first_response_histogram_ms_sum", **labels) > 0


def test_versions_have_histograms_and_triton_its_names(counted):
    seen, of = scrape(counted), {"model": MODEL, "version": VERSION}
    rows = 3 * 3 + 2 * 2 + 1 + 4 * 2 + 5 * 2
    for name in ["request", "queue", "compute"]:
        assert seen(f"wharf_{name}_duration_seconds_count", **of) == 15, name
        assert seen(f"wharf_{name}_duration_seconds_bucket", le="+Inf", **of) == 15, name
    whole, parts = (sum(seen(f"wharf_{name}_duration_seconds_sum", **of) for name in names)
                    for names in (["request"], ["queue", "compute"]))
    assert whole >= parts > 0
    assert seen("wharf_requests_total", status="OK", **of) == seen("nv_inference_request_success", **of) == 15
    assert seen("wharf_inferences_total", **of) == seen("nv_inference_count", **of) == rows
    assert seen("nv_inference_exec_count", **of) == 15
    assert seen("wharf_batch_wait_seconds_count", **of) == seen("wharf_batched_requests_total", **of)
    assert sum(value for key, value in seen.values.items()
               if key[0] == "wharf_batches_total" and ("model", MODEL) in key) <= 15
    assert seen("wharf_model_version_state", state="AVAILABLE", **of) == 1
    assert seen("wharf_model_loads_total", model=MODEL) == 1
    assert seen("wharf_requests_in_flight") == 0
    assert seen("process_start_time_seconds") > 1e9


def test_triton_clients_read_statistics(counted):
    with triton_http.InferenceServerClient(counted.oip_rest, network_timeout=TIMEOUT) as client:
        assert "statistics" in client.get_server_metadata()["extensions"]
        (of_http,) = client.get_inference_statistics(MODEL, VERSION)["model_stats"]
        assert len(client.get_inference_statistics()["model_stats"]) > 1
        with pytest.raises(InferenceServerException, match="Request for unknown model: 'absent' is not found"):
            client.get_inference_statistics("absent")
    with triton_grpc.InferenceServerClient(counted.oip_grpc) as client:
        assert "statistics" in client.get_server_metadata().extensions
        (of_grpc,) = client.get_inference_statistics(MODEL).model_stats
        with pytest.raises(InferenceServerException, match="unknown model: 'half_plus_two' version 9 is not found"):
            client.get_inference_statistics(MODEL, "9")
    assert (of_http["name"], of_http["version"]) == (of_grpc.name, of_grpc.version) == (MODEL, VERSION)
    stats = of_http["inference_stats"]
    for name in ["success", "queue", "compute_input", "compute_infer", "compute_output"]:
        assert stats[name]["count"] == getattr(of_grpc.inference_stats, name).count == 15, name
    assert of_http["inference_count"] == of_grpc.inference_count == 32
    assert of_http["execution_count"] == of_grpc.execution_count == 15
    assert {batch["batch_size"]: batch["compute_infer"]["count"] for batch in of_http["batch_stats"]} == {1: 1, 2: 11, 3: 3}
    assert stats["compute_infer"]["ns"] > 0
    assert of_http["last_inference"] > 1_700_000_000_000


def test_probes_answer_on_every_http_port(counted):
    for address in [counted.metrics, counted.http, f"http://{counted.oip_rest}", counted.rest.removesuffix("/v1/models")]:
        for path in ["/healthz", "/readyz"]:
            assert requests.get(address + path, timeout=TIMEOUT).status_code == 200, address + path
