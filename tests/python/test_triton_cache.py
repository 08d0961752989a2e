"""The response cache, as Triton's stock clients and its metrics see it."""

import urllib.request

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

import conftest
from test_compat import Started, free_port

CACHED = 'max_batch_size: 8 response_cache { enable: true }'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    for name, config in [("cached", CACHED), ("plain", None)]:
        conftest.put(folder / "models", name, 1, "half_plus_two")
        if config:
            (folder / "models" / name / "config.pbtxt").write_text(config)
    http, rpc, metrics = free_port(), free_port(), free_port()
    flags = [f"--model-repository={folder / 'models'}", "--cache-config=local,size=1048576", "--http-address=127.0.0.1"]
    server = Started(folder, "tritonserver", [*flags, f"--http-port={http}", f"--grpc-port={rpc}", f"--metrics-port={metrics}"])
    server.rpc, server.http, server.metrics = f"127.0.0.1:{rpc}", f"127.0.0.1:{http}", f"http://127.0.0.1:{metrics}/metrics"
    yield server
    server.stop()


def ask(client, library, model, values):
    x = library.InferInput("x", [len(values)], "FP32")
    x.set_data_from_numpy(np.array(values, np.float32))
    return client.infer(model, [x]).as_numpy("y").tolist()


def metric(server, name):
    with urllib.request.urlopen(server.metrics, timeout=20) as reply:
        lines = reply.read().decode().splitlines()
    return {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if line.startswith(name)}


def test_both_wires_share_the_answers_and_count_them(server):
    with tritonclient.grpc.InferenceServerClient(server.rpc) as rpc, tritonclient.http.InferenceServerClient(server.http) as http:
        for _ in range(3):
            assert ask(rpc, tritonclient.grpc, "cached", [1.0, 2.0]) == [2.5, 3.0]
            assert ask(http, tritonclient.http, "cached", [1.0, 2.0]) == [2.5, 3.0]
            assert ask(rpc, tritonclient.grpc, "plain", [1.0, 2.0]) == [2.5, 3.0]
        assert ask(rpc, tritonclient.grpc, "cached", [4.0]) == [4.0]
        cached = rpc.get_inference_statistics("cached").model_stats[0]
        counts = (cached.inference_stats.cache_hit.count, cached.inference_stats.cache_miss.count)
        assert counts == (5, 2) and cached.inference_stats.success.count == 7
        # Rows and runs are those that were computed.
        assert (cached.inference_count, cached.execution_count) == (3, 2)
        assert cached.inference_stats.cache_hit.ns > 0 and cached.inference_stats.cache_miss.ns > 0
        plain = http.get_inference_statistics("plain")["model_stats"][0]
        assert plain["inference_stats"]["cache_hit"]["count"] == 0 and plain["execution_count"] == 3
        assert rpc.get_model_config("cached").config.response_cache.enable
        assert http.get_model_config("plain")["response_cache"] == {"enable": False}
    labels = '{model="cached",version="1"}'
    assert metric(server, "nv_cache_num_hits_per_model") == {f"nv_cache_num_hits_per_model{labels}": 5}
    assert metric(server, "nv_cache_num_misses_per_model") == {f"nv_cache_num_misses_per_model{labels}": 2}
    assert metric(server, "wharf_cache_entries") == {"wharf_cache_entries": 2}
    assert 0 < metric(server, "wharf_cache_bytes")["wharf_cache_bytes"] <= 1 << 20
