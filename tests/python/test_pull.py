"""`wharf pull` against a hub of our own."""

import hashlib
import json
import os
import subprocess
import threading
import time

import pytest
from hub import Hub, hub  # noqa: F401: a fixture
from language import DATA

START_SECONDS = 60


@pytest.fixture
def wharf(tmp_path, hub):  # noqa: F811
    binary = os.environ.get("WHARF_BIN")
    if not binary:
        pytest.skip("WHARF_BIN does not name the server binary")
    Hub.ranges.clear()

    def start(*arguments):
        environment = {**os.environ, "HF_ENDPOINT": hub}
        return subprocess.Popen(
            [binary, *map(str, arguments)], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def done(process):
    output, errors = process.communicate(timeout=START_SECONDS)
    return process.returncode, output, errors


def models(wharf):
    code, output, errors = done(wharf("models", "ls", "--json"))
    assert code == 0, errors
    return json.loads(output)


def test_models_come_from_everywhere(wharf, hub, tmp_path):  # noqa: F811
    file = DATA / "stories260K-f32.gguf"
    for source, more, name in [
        ("hf.co/tellers/stories-GGUF:F32", [], "stories"),
        ("hf://tellers/stories-GGUF:q8_0", ["--name", "small"], "small"),
        (f"{hub}/elsewhere/stories.gguf", ["--name", "url", "--sha256", Hub.sha256()], "url"),
        (f"{hub}/elsewhere/stories.gguf?download=true", [], "stories"),
        (file, [], "stories260K-f32"),
        (file, ["--name", "file", "--sha256", Hub.sha256().upper()], "file"),
    ]:
        code, output, errors = done(wharf("pull", source, *more))
        assert code == 0, (source, errors)
        assert f"published {name}/" in output, (source, output)
    assert not (tmp_path / "repository" / ".pull").exists()
    code, output, errors = done(wharf("models", "verify"))
    assert code == 0 and "ok      small/1" in output, output + errors
    # Every one of them is whole.
    for file in tmp_path.glob("repository/*/*/model.gguf"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == Hub.sha256()
    assert len(list(tmp_path.glob("repository/*/*/wharf.json"))) == 6


def test_what_cannot_be_had_leaves_nothing(wharf, hub, tmp_path):  # noqa: F811
    wrong = "ab" * 32
    for source, more, text in [
        ("hf.co/tellers/nothing", [], "404"),
        ("hf.co/tellers/stories-GGUF", [], "expected one model"),
        ("hf.co/tellers/stories-GGUF:F16", [], "no language model"),
        ("hf.co/tellers/stories-GGUF:F32", ["--sha256", wrong], f"expected {wrong}"),
        (f"{hub}/elsewhere/stories.gguf", ["--sha256", wrong], f"expected {wrong}"),
        (f"{hub}/elsewhere/stories.gguf", ["--name", "../x"], "../x"),
        (DATA / "stories260K-f32.gguf", ["--sha256", wrong], f"expected {wrong}"),
        (DATA / "oracle.json", [], "oracle.json"),
        ("nowhere.gguf", [], "nowhere.gguf"),
        ("ftp://x/y.gguf", [], "no address"),
        (f"{hub}/elsewhere/stories.gguf", ["--sha256", "abc"], "64 hexadecimal digits"),
    ]:
        code, _, errors = done(wharf("pull", source, *more))
        assert code in (1, 2) and text in errors, (source, code, errors)
    assert not list(tmp_path.glob("repository/*/*")) and not list(tmp_path.glob("repository/.pull/*"))


def test_a_pull_that_is_killed_goes_on_where_it_was(wharf, tmp_path):
    Hub.stalls = threading.Event()
    try:
        process = wharf("pull", "hf.co/tellers/stories-GGUF:F32")
        part = tmp_path / "repository" / ".pull" / f"{Hub.sha256()}.part"
        end = time.monotonic() + START_SECONDS
        while not (part.exists() and part.stat().st_size == len(Hub.weights) // 2):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        # Nobody else may write it meanwhile.
        code, _, errors = done(wharf("pull", "hf.co/tellers/stories-GGUF:F32"))
        assert code == 1 and "somebody else" in errors
        process.kill()
        process.communicate()
    finally:
        Hub.stalls.set()
        Hub.stalls = None
    assert models(wharf) == [] or "stories" not in str(models(wharf))
    Hub.ranges.clear()
    code, output, errors = done(wharf("pull", "hf.co/tellers/stories-GGUF:F32"))
    assert code == 0 and "published stories/1" in output, errors
    assert Hub.ranges == [f"bytes={len(Hub.weights) // 2}-"]
