"""Spans as they arrive at a collector of our own, decoded with OpenTelemetry's own messages."""

import http.server
import queue
import threading

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from conftest import Server
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0
MODEL = "half_plus_two"
CALLER = "b7ad6b7169203331"


class Collector:
    def __init__(self):
        self.messages = queue.Queue()
        self.seen = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.messages.put((self.path, self.headers["content-type"], body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def trace(self, trace_id, count):
        """The spans of a trace, once so many have arrived; by name."""
        spans = []
        while len(spans) < count:
            path, content_type, body = self.messages.get(timeout=TIMEOUT)
            assert (path, content_type) == ("/v1/traces", "application/x-protobuf")
            (of_service,) = trace_service_pb2.ExportTraceServiceRequest.FromString(body).resource_spans
            names = {attribute.key: attribute.value.string_value for attribute in of_service.resource.attributes}
            assert names["service.name"] == "wharf"
            arrived = [span for scope in of_service.scope_spans for span in scope.spans]
            self.seen += arrived
            spans += [span for span in arrived if span.trace_id.hex() == trace_id]
        assert len(spans) == count
        return spans


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    folder, collector = tmp_path_factory.mktemp("traced"), Collector()
    server = Server(folder, ["--repository", folder / "repository", "--otlp-endpoint", collector.endpoint])
    server.collector = collector
    yield server
    server.stop()
    collector.server.shutdown()


def traceparent(number, flags="01"):
    trace_id = f"{number:032x}"
    return trace_id, f"00-{trace_id}-{CALLER}-{flags}"


def predict(server, metadata, name=MODEL):
    with grpc.insecure_channel(server.grpc) as channel:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones(3, np.float32)))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict.with_call(request, timeout=TIMEOUT, metadata=metadata)


def triton_input(module):
    x = module.InferInput("x", [2], "FP32")
    x.set_data_from_numpy(np.ones(2, np.float32))
    return x


def infer_http(server, header):
    with triton_http.InferenceServerClient(server.oip_rest, network_timeout=TIMEOUT) as client:
        client.infer(MODEL, [triton_input(triton_http)], headers={"traceparent": header})


def infer_grpc(server, header):
    with triton_grpc.InferenceServerClient(server.oip_grpc) as client:
        client.infer(MODEL, [triton_input(triton_grpc)], headers={"traceparent": header})


def predict_rest(server, header):
    answer = requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":[1.0]}', headers={"traceparent": header}, timeout=TIMEOUT)
    assert answer.ok and not [name for name in answer.headers if name.lower().startswith("trace")]


def predict_grpc(server, header):
    _, call = predict(server, [("traceparent", header)])
    assert not [key for key, _ in (*call.initial_metadata(), *call.trailing_metadata()) if key.startswith("trace")]


@pytest.mark.parametrize(
    ("number", "call", "api", "entrypoint"),
    [
        (1, predict_rest, "predict", "REST"),
        (2, predict_grpc, "Predict", "GRPC"),
        (3, infer_http, "infer", "REST"),
        (4, infer_grpc, "ModelInfer", "GRPC"),
    ],
)
def test_a_request_has_a_span_with_parts(traced, number, call, api, entrypoint):
    trace_id, header = traceparent(number)
    call(traced, header)
    spans = {span.name: span for span in traced.collector.trace(trace_id, 3)}
    request, wait, compute = spans["request"], spans["queue"], spans["compute"]
    assert (request.parent_span_id.hex(), request.kind) == (CALLER, trace_pb2.Span.SPAN_KIND_SERVER)
    assert request.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    attributes = {attribute.key: attribute.value.string_value for attribute in request.attributes}
    assert attributes == {"model.name": MODEL, "api": api, "entrypoint": entrypoint}
    for part in (wait, compute):
        assert (part.parent_span_id, part.kind) == (request.span_id, trace_pb2.Span.SPAN_KIND_INTERNAL)
    times = [request.start_time_unix_nano, wait.start_time_unix_nano, wait.end_time_unix_nano, compute.end_time_unix_nano,
             request.end_time_unix_nano]
    assert times == sorted(times) and times[0] > 1_700_000_000_000_000_000
    assert compute.start_time_unix_nano == wait.end_time_unix_nano
    numbers = {attribute.key: attribute.value.int_value for attribute in compute.attributes}
    assert (numbers["model.version"], numbers["batch.requests"]) == (123, 1)
    assert len({span.span_id for span in spans.values()}) == 3


def test_requests_of_a_stream_have_a_span_each(traced):
    trace_id, header = traceparent(5)
    answers = queue.Queue()
    with triton_grpc.InferenceServerClient(traced.oip_grpc) as client:
        client.start_stream(lambda result, error: answers.put(error), headers={"traceparent": header})
        for _ in range(2):
            client.async_stream_infer(MODEL, [triton_input(triton_grpc)])
        assert [answers.get(timeout=TIMEOUT) for _ in range(2)] == [None, None]
    spans = traced.collector.trace(trace_id, 6)
    assert sorted(span.name for span in spans) == ["compute", "compute", "queue", "queue", "request", "request"]
    requests_ = {span.span_id for span in spans if span.name == "request"}
    assert len(requests_) == 2 and {span.parent_span_id for span in spans if span.name == "compute"} == requests_


def test_a_refused_request_has_a_span_with_its_error(traced):
    trace_id, header = traceparent(6)
    with pytest.raises(grpc.RpcError):
        predict(traced, [("traceparent", header)], name="absent")
    (span,) = traced.collector.trace(trace_id, 1)
    assert (span.status.code, span.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, "NOT_FOUND")


def test_callers_decide_until_the_settings_say_otherwise(traced):
    traced.collector.seen.clear()
    with triton_http.InferenceServerClient(traced.oip_rest, network_timeout=TIMEOUT) as client:
        assert "trace" in client.get_server_metadata()["extensions"]
        assert client.get_trace_settings()["trace_level"] == ["TIMESTAMPS"]
        assert client.get_trace_settings(MODEL)["trace_rate"] == "0"
        with pytest.raises(InferenceServerException, match="expected 'OFF' or 'TIMESTAMPS'"):
            client.update_trace_settings(settings={"trace_level": ["TENSORS"]})
        with pytest.raises(InferenceServerException, match="trace settings of single models"):
            client.update_trace_settings(model_name=MODEL, settings={"trace_rate": "1"})
        # Neither unasked nor with a caller that does not record: only the last of these is traced.
        predict(traced, [])
        predict(traced, [("traceparent", traceparent(7, "00")[1])])
        predict(traced, [("traceparent", "nonsense")])
        assert client.update_trace_settings(settings={"trace_rate": "1"})["trace_rate"] == "1"
    predict(traced, [])
    with triton_grpc.InferenceServerClient(traced.oip_grpc) as client:
        assert client.get_trace_settings().settings["trace_rate"].value == ["1"]
        settings = client.update_trace_settings(settings={"trace_rate": None, "trace_level": ["OFF"]}).settings
        assert (settings["trace_level"].value, settings["trace_rate"].value) == (["OFF"], ["0"])
        predict(traced, [("traceparent", traceparent(8)[1])])
        client.update_trace_settings(settings={"trace_level": None})
    trace_id, header = traceparent(9)
    predict(traced, [("traceparent", header)])
    traced.collector.trace(trace_id, 3)
    # Spans arrive in the order of their ends: the call at the rate of 1 and the last one were traced, and no other.
    assert len(traced.collector.seen) == 6
