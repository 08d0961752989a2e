"""Language models over the Open Inference Protocol: Triton's generate, infer with a text, what is counted."""

import json
import os
import signal
import time

import numpy as np
import pytest
import requests
import tritonclient.grpc
from language import MODEL, language  # noqa: F401: a fixture
from prometheus_client.parser import text_string_to_metric_families

ASKED = {"text_input": "Once upon a time", "parameters": {"max_tokens": 16, "temperature": 0}}


@pytest.fixture(scope="module")
def generate(language):  # noqa: F811
    return lambda body, how="generate", **kwargs: requests.post(
        f"http://{language.oip_rest}/v2/models/{MODEL}/{how}", json=body, timeout=60, **kwargs
    )


def test_a_text_whole_and_in_parts_is_the_same(generate):
    whole = generate({"id": "7", **ASKED})
    assert whole.headers["content-type"] == "application/json"
    answer = whole.json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", MODEL, "1")
    assert answer["text_output"].startswith("Once upon a time")
    stream = generate(ASKED, "generate_stream", stream=True)
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    lines = [line for line in stream.iter_lines() if line]
    parts = [json.loads(line.removeprefix(b"data: "))["text_output"] for line in lines]
    assert len(parts) > 1 and "Once upon a time" + "".join(parts) == answer["text_output"]


def test_what_is_wrong_is_named(generate, language):  # noqa: F811
    for body, expected in [({}, "`text_input`"), ({**ASKED, "beam_width": 2}, "`beam_width`")]:
        for how in ("generate", "generate_stream"):
            refused = generate(body, how)
            assert refused.status_code == 400 and expected in refused.json()["error"]
    long = generate({"text_input": "Once upon a time " * 2000})
    assert long.status_code == 400 and "maximum context length" in long.json()["error"]


def test_infer_takes_a_text(language):  # noqa: F811
    client = tritonclient.grpc.InferenceServerClient(language.oip_grpc)
    text = tritonclient.grpc.InferInput("text_input", [1], "BYTES")
    text.set_data_from_numpy(np.array([b"Once upon a time"], dtype=object))
    answer = client.infer(MODEL, [text]).as_numpy("text_output")
    assert answer.shape == (1,) and answer[0].decode()


def samples(language):  # noqa: F811
    text = requests.get(f"{language.metrics}/metrics", timeout=10).text
    families = text_string_to_metric_families(text)
    return {(s.name, s.labels.get("finished_reason")): s.value for f in families for s in f.samples if s.labels.get("model_name") == MODEL}


def test_tokens_are_counted_under_the_names_of_vllm(generate, language):  # noqa: F811
    generate(ASKED)
    wanted = {("vllm:request_success_total", "length"): 1, ("vllm:generation_tokens_total", None): 16, ("vllm:prompt_tokens_total", None): 1}
    # The worker sends its numbers a few times a second.
    end = time.monotonic() + 30
    while not all(samples(language).get(key, 0) >= least for key, least in wanted.items()):
        assert time.monotonic() < end, samples(language)
        time.sleep(0.1)
    assert samples(language)["vllm:time_to_first_token_seconds_count", None] >= 1


def worker_of(pid):
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    tasks = os.listdir(f"/proc/{pid}/task")
    children += [child for task in tasks for child in open(f"/proc/{pid}/task/{task}/children").read().split()]
    return {int(child) for child in children}


# A fault of memory cannot be sent from outside: Rust's own handler takes the first. Workers that fault themselves are
# tested beside the code.
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGABRT])
def test_a_worker_that_dies_is_an_error_and_comes_back(generate, language, ending):  # noqa: F811
    (worker,) = worker_of(language.process.pid)
    stream = generate({**ASKED, "parameters": {"max_tokens": 900, "ignore_eos": True}}, "generate_stream", stream=True)
    lines = (line for line in stream.iter_lines() if line)
    next(lines)
    os.kill(worker, ending)
    *_, last = lines
    assert "error" in json.loads(last.removeprefix(b"data: "))
    end = time.monotonic() + 30
    while (again := generate(ASKED)).status_code == 503 and time.monotonic() < end:
        time.sleep(0.1)
    assert again.status_code == 200, again.text
    assert worker_of(language.process.pid) != {worker}
