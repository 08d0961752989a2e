"""What was computed of prompts survives a restart of the server (`--llm-prefixes`)."""

import pathlib
import tempfile

import openai
import requests

from conftest import Server
from language import MODEL, put_stories

BEGINNING = "Once upon a time there was a little girl named Lily. She had a red ball and a big dog. " * 3


def asked(folder, question, user="one"):
    """The answer of a server that is started for it and stopped, its usage, and the server's metrics."""
    settings = ["--llm-context", "1024", "--llm-cache-type", "f32", "--llm-prefixes", folder / "prefixes"]
    server = Server(pathlib.Path(tempfile.mkdtemp(dir=folder)), models=["--repository", folder / "models", *settings])
    try:
        client = openai.OpenAI(base_url=f"{server.http}/v1", api_key="none", max_retries=0)
        answer = client.completions.create(
            model=MODEL, prompt=question, max_tokens=20, temperature=0, user=user, extra_body={"ignore_eos": True}
        )
        metrics = requests.get(f"{server.metrics}/metrics", timeout=10).text
    finally:
        server.stop()
    return answer.choices[0].text, answer.usage, metrics


def test_a_restart_does_not_forget_what_was_computed(tmp_path):
    put_stories(tmp_path / "models")
    first, usage, _ = asked(tmp_path, BEGINNING)
    assert usage.prompt_tokens_details.cached_tokens == 0
    question = BEGINNING + first + " The dog"
    again, usage, metrics = asked(tmp_path, question)
    assert usage.prompt_tokens_details.cached_tokens >= 100
    line = 'http_requests_total{handler="/v1/completions",method="POST",status="200"} 1'
    assert line in metrics
    # Nobody else finds it, and whoever does gets the same answer.
    other, usage, _ = asked(tmp_path, question, user="two")
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert other == again


def test_a_damaged_file_is_computed_again(tmp_path):
    put_stories(tmp_path / "models")
    expected, _, _ = asked(tmp_path, BEGINNING)
    files = list((tmp_path / "prefixes").glob("*/*.prefix"))
    assert len(files) == 1
    content = bytearray(files[0].read_bytes())
    content[-100] ^= 1
    files[0].write_bytes(content)
    again, usage, _ = asked(tmp_path, BEGINNING)
    assert (again, usage.prompt_tokens_details.cached_tokens) == (expected, 0)
