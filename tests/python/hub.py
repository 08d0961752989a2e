"""A hub of one repository, as that of Hugging Face answers, for the tests of what is pulled."""

import hashlib
import http.server
import json
import threading

import pytest
from language import DATA

LIST = "/api/models/tellers/stories-GGUF"
FILES = ["README.md", "stories.Q8_0.gguf", "stories.F32.gguf", "broken.F16.gguf"]
MODEL_PATH = "/tellers/stories-GGUF/resolve/abc123/"


class Hub(http.server.BaseHTTPRequestHandler):
    """The hub says what a file is and where it is; the file comes from elsewhere."""

    weights = b""
    # How often the line breaks in the middle of the file.
    cuts = 0
    # Where it is set, the file stops in the middle until it is set again.
    stalls = None
    ranges = []

    def do_HEAD(self):
        self.say_where()

    def do_GET(self):
        if self.path == LIST:
            self.send(json.dumps({"sha": "abc123", "siblings": [{"rfilename": name} for name in FILES]}).encode())
        elif self.path.split("?")[0] == "/elsewhere/stories.gguf":
            self.send_weights()
        elif self.path == "/elsewhere/broken.gguf":
            self.send(b"GGUF" + bytes(1000))
        else:
            self.say_where()

    def say_where(self):
        name = self.path.removeprefix(MODEL_PATH)
        if name in FILES and self.path.startswith(MODEL_PATH):
            self.send_response(302)
            if name.startswith("stories"):
                self.send_header("X-Linked-ETag", f'"{Hub.sha256()}"')
                self.send_header("X-Linked-Size", str(len(Hub.weights)))
            self.send_header("Location", f"/elsewhere/{name.split('.')[0]}.gguf")
        else:
            self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_weights(self):
        asked = self.headers.get("Range")
        Hub.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        size = len(Hub.weights)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        middle = max(start, size // 2)
        self.wfile.write(Hub.weights[start:middle])
        if Hub.stalls:
            self.wfile.flush()
            Hub.stalls.wait()
        if Hub.cuts > 0:
            Hub.cuts -= 1
            self.close_connection = True
            return
        self.wfile.write(Hub.weights[middle:])

    def log_message(self, *_):
        pass

    @staticmethod
    def sha256():
        return hashlib.sha256(Hub.weights).hexdigest()


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients may leave."""


@pytest.fixture(scope="module")
def hub():
    file = DATA / "stories260K-f32.gguf"
    if not file.exists():
        pytest.skip(f"skipped: no {file.name} in the shared data")
    Hub.weights, Hub.cuts, Hub.stalls = file.read_bytes(), 0, None
    server = QuietServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
