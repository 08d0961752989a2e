"""A model in a process of its own: what becomes of it, of the server and of the others when that process ends."""

import os
import pathlib
import signal
import time
import urllib.request

import numpy
import pytest
import tritonclient.grpc as triton
from conftest import Server
from tritonclient.utils import InferenceServerException

PATIENCE = 30


@pytest.fixture()
def isolated(tmp_path):
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--isolate", "half_plus_two", "--control", "explicit",
                               "--load", "half_plus_two", "--load", "number"])
    yield server
    server.stop()


def workers(server):
    """The processes that the server started."""
    found = set()
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        try:
            found.update(map(int, (task / "children").read_text().split()))
        except FileNotFoundError:
            pass  # The thread has ended meanwhile.
    return found


def ask(client, model, value):
    tensor = triton.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(numpy.array([value], numpy.float32))
    outputs = client.infer(model, [tensor])
    return float((outputs.as_numpy("y") if model == "half_plus_two" else outputs.as_numpy("outputs"))[0])


def restarts(server):
    text = urllib.request.urlopen(f"{server.metrics}/metrics").read().decode()
    (line,) = [line for line in text.splitlines() if line.startswith("wharf_worker_restarts_total{")]
    assert 'model="half_plus_two"' in line
    return float(line.split()[-1])


def end(process, number):
    """By this signal. The first SIGSEGV that is no fault of the program's own only takes the runtime's handler away."""

    def is_gone():
        try:
            os.kill(process, number)
        except ProcessLookupError:
            return True
        return False

    until(is_gone)


def until(condition):
    last = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < last, "the condition did not come true"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_is_the_models_own(isolated, number):
    client = triton.InferenceServerClient(isolated.oip_grpc)
    assert ask(client, "half_plus_two", 1.0) == 2.5
    (worker,) = workers(isolated)
    end(worker, number)
    refusals = []

    def is_back():
        # The other model does not notice.
        assert ask(client, "number", 3.0) == 3.5
        try:
            return ask(client, "half_plus_two", 4.0) == 4.0 and workers(isolated).isdisjoint({worker})
        except InferenceServerException as error:
            refusals.append((error.status(), error.message()))
            return False

    until(is_back)
    assert {status for status, _ in refusals} <= {"StatusCode.INTERNAL", "StatusCode.UNAVAILABLE"}, refusals
    assert restarts(isolated) == 1
    assert f"signal: {int(number)}" in isolated.log.read_text()


def test_the_process_goes_with_the_model(isolated):
    client = triton.InferenceServerClient(isolated.oip_grpc)
    (worker,) = workers(isolated)
    client.unload_model("half_plus_two")
    until(lambda: not workers(isolated))
    client.load_model("half_plus_two")
    assert ask(client, "half_plus_two", 1.0) == 2.5
    assert len(workers(isolated)) == 1 and worker not in workers(isolated)


def test_no_process_outlives_a_server_that_is_killed(tmp_path):
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--isolation", "process"])
    processes = workers(server)
    assert len(processes) > 5
    server.process.kill()
    server.process.wait()
    until(lambda: not any(pathlib.Path(f"/proc/{process}").exists() for process in processes))
