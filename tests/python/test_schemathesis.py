"""Requests that break the server's own OpenAPI documents: none of them may make it fail."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
import requests

from conftest import Server

HERE = pathlib.Path(__file__).parent
TIMEOUT = 20.0
# Requests of each operation that are made at random, beside those that schemathesis derives from the document.
EXAMPLES = 2000 if os.environ.get("WHARF_SOAK") else 12
PORTS = ["tfs", "oip", "http"]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """A server of its own: these requests change how much is logged and traced."""
    server = Server(tmp_path_factory.mktemp("broken"))
    yield {
        "tfs": server.rest.removesuffix("/v1/models"),
        "oip": f"http://{server.oip_rest}",
        "http": server.http,
    }
    server.stop()


@pytest.fixture
def explicit(tmp_path):
    """A server whose clients say what is loaded."""
    repository = tmp_path / "repository"
    server = Server(tmp_path, ["--repository", repository, "--control", "explicit", "--load", "half_plus_two"])
    yield f"http://{server.oip_rest}"
    server.stop()


def check(base, folder, *more):
    """Runs schemathesis against every operation of the document, or those that `more` picks; how many requests."""
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        "run", f"{base}/openapi.json",
        "--mode", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
        "--checks", "not_the_servers_fault", "--request-timeout", str(TIMEOUT), "--max-redirects", "0",
        "--generation-deterministic", "--generation-allow-x00", "true",
        "--suppress-health-check", "all", "--warnings", "off", "--no-shrink", "--no-color", *more,
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
    # Elsewhere than here, so that it leaves nothing behind.
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    # It still answers those who do nothing wrong.
    assert requests.get(f"{base}/healthz", timeout=TIMEOUT).status_code == 200
    return int(re.search(r"(\d+) generated", done.stdout)[1])


@pytest.mark.parametrize("port", PORTS)
def test_the_document_is_where_it_should_be(addresses, port):
    document = requests.get(f"{addresses[port]}/openapi.json", timeout=TIMEOUT).json()
    assert document["openapi"].startswith("3.1")
    assert "/readyz" in document["paths"]


@pytest.mark.parametrize("port", PORTS)
def test_no_request_is_the_servers_fault(addresses, port, tmp_path):
    made = check(addresses[port], tmp_path)
    operations = len(requests.get(f"{addresses[port]}/openapi.json", timeout=TIMEOUT).json()["paths"])
    assert made > operations * EXAMPLES


def test_no_request_to_the_repository_is_the_servers_fault(explicit, tmp_path):
    """Models come and go meanwhile."""
    assert check(explicit, tmp_path, "--include-path-regex", "repository|/infer|/ready") > EXAMPLES
