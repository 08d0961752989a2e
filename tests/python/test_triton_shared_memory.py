"""Tensors in shared memory, by Triton's stock clients."""

import os

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

PREFIX = "wharf_test"


@pytest.fixture(params=["http", "grpc"])
def protocol(request, server):
    module, address = {
        "http": (triton_http, server.oip_rest),
        "grpc": (triton_grpc, server.oip_grpc),
    }[request.param]
    with module.InferenceServerClient(address) as client:
        yield module, client
        client.unregister_system_shared_memory()


def test_tensors_go_and_come_through_shared_memory(protocol):
    module, client = protocol
    key = f"/{PREFIX}_{os.getpid()}"
    x = np.array([1.0, 2.0, 3.0], np.float32)
    region = shm.create_shared_memory_region("both", key, 2 * x.nbytes)
    try:
        shm.set_shared_memory_region(region, [x])
        client.register_system_shared_memory("both", key, 2 * x.nbytes)
        sent = module.InferInput("x", [3], "FP32")
        sent.set_shared_memory("both", x.nbytes)
        wanted = module.InferRequestedOutput("y")
        wanted.set_shared_memory("both", x.nbytes, offset=x.nbytes)
        client.infer("half_plus_two", [sent], outputs=[wanted])
        y = shm.get_contents_as_numpy(region, np.float32, [3], offset=x.nbytes)
        np.testing.assert_allclose(y, x / 2 + 2)
        sent.set_shared_memory("both", x.nbytes, offset=2 * x.nbytes)
        with pytest.raises(InferenceServerException, match="Invalid offset"):
            client.infer("half_plus_two", [sent])
        with pytest.raises(InferenceServerException, match="already in manager"):
            client.register_system_shared_memory("both", key, x.nbytes)
    finally:
        shm.destroy_shared_memory_region(region)


def test_other_objects_are_refused(protocol):
    _, client = protocol
    for key in ["/other", "/../etc/passwd", f"/{PREFIX}/../x"]:
        with pytest.raises(InferenceServerException, match="may not be used"):
            client.register_system_shared_memory("other", key, 8)
