"""A model that is deleted in use and made anew under its name and version (row V-8)."""

import shutil
import struct
import threading
import time

import pytest
import requests
from conftest import MODELS, START_SECONDS, Server

TIMEOUT = 20.0


def put(repository, constant):
    """`y = x / 2 + constant` as version 1 of the model `m`, whole or not at all."""
    model = (MODELS / "half_plus_two.onnx").read_bytes()
    assert model.count(struct.pack("<f", 2.0)) == 1
    staged = repository / ".staged"
    staged.mkdir()
    (staged / "model.onnx").write_bytes(model.replace(struct.pack("<f", 2.0), struct.pack("<f", constant)))
    (repository / "m").mkdir()
    staged.rename(repository / "m" / "1")


class Client(threading.Thread):
    """Asks all the while, and keeps what it is told, in order."""

    def __init__(self, server):
        super().__init__()
        self.url, self.told, self.is_done = f"{server.rest}/m:predict", [], threading.Event()

    def run(self):
        with requests.Session() as session:
            while not self.is_done.is_set():
                reply = session.post(self.url, '{"instances": [0]}', timeout=TIMEOUT)
                self.told.append(reply.json()["predictions"][0] if reply.ok else reply.status_code)

    def wait_for(self, answer):
        end = time.monotonic() + START_SECONDS
        while not self.told or self.told[-1] != answer:
            assert time.monotonic() < end and self.is_alive(), self.told[-5:]
            time.sleep(0.01)


@pytest.fixture
def served(tmp_path):
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--poll-interval", "1"])
    put(server.repository, 5.0)
    yield server
    server.stop()


def test_a_model_that_is_deleted_is_gone_and_one_made_anew_is_the_only_one_that_answers(served):
    clients = [Client(served) for _ in range(3)]
    for client in clients:
        client.start()
    for client in clients:
        client.wait_for(5.0)
    shutil.rmtree(served.repository / "m")
    for client in clients:
        client.wait_for(404)
    put(served.repository, 7.0)
    for client in clients:
        client.wait_for(7.0)
    for client in clients:
        client.is_done.set()
        client.join()
        # Not there yet, the first one, gone, the second one; 503 while a version loads. Nothing else, and none comes back.
        told = [answer for answer in client.told if answer != 503]
        phases = [answer for number, answer in enumerate(told) if number == 0 or told[number - 1] != answer]
        assert phases in ([404, 5.0, 404, 7.0], [5.0, 404, 7.0]), phases
