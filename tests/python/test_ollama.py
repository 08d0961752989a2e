"""Ollama's own client against the real server."""

import hashlib

import ollama
import pytest
from conftest import Server
from hub import Hub, hub  # noqa: F401: a fixture
from language import MODEL, language, put_stories  # noqa: F401: a fixture

STORY = [{"role": "user", "content": "Once upon a time"}]


@pytest.fixture(scope="module")
def client(language):  # noqa: F811
    return ollama.Client(host=language.http)


def test_a_chat_whole_and_streamed_say_the_same(client):
    options = {"temperature": 0, "num_predict": 16}
    whole = client.chat(model=MODEL, messages=STORY, options=options)
    parts = list(client.chat(model=MODEL, messages=STORY, options=options, stream=True))
    assert "".join(part.message.content for part in parts) == whole.message.content
    assert parts[-1].done and parts[-1].eval_count == whole.eval_count


def test_a_text_goes_on(client):
    answer = client.generate(model=MODEL, prompt="Once upon a time", options={"num_predict": 8})
    assert answer.response and answer.done


def test_models_are_listed_and_shown(client):
    assert MODEL in [model.model for model in client.list().models]
    assert client.show(MODEL).details.family == "llama"
    client.generate(model=MODEL, prompt="")
    assert MODEL in [model.model for model in client.ps().models]


def test_what_is_not_there_is_said(client):
    with pytest.raises(ollama.ResponseError) as error:
        client.chat(model="nobody", messages=STORY)
    assert error.value.status_code == 404


@pytest.fixture(scope="module", params=["poll", "explicit"])
def puller(request, hub, tmp_path_factory):  # noqa: F811
    """A server whose clients may add models from the hub."""
    folder = tmp_path_factory.mktemp("puller")
    models = folder / "models"
    put_stories(models)
    settings = ["--llm-context", "512", "--pull-from", hub, "--hub-endpoint", hub, "--control", request.param]
    if request.param == "explicit":
        settings += ["--load", MODEL]
    server = Server(folder, models=["--repository", models, *settings])
    yield ollama.Client(host=server.http), request.param, models
    server.stop()


def test_a_model_is_pulled_asked_copied_and_deleted(puller):
    client, control, models = puller
    Hub.cuts = 1
    steps = list(client.pull("hf.co/tellers/stories-GGUF:F32", stream=True))
    digest = f"sha256:{hashlib.sha256(Hub.weights).hexdigest()}"
    assert steps[0].status == "pulling manifest" and steps[-1].status == "success"
    measured = [step for step in steps if step.total]
    assert all(step.digest == digest and step.total == len(Hub.weights) for step in measured)
    assert measured[-1].completed == len(Hub.weights)
    # Under the name that it has now. The model that is there already is another version of it.
    assert client.generate(model="stories", prompt="Once upon a time", options={"num_predict": 4}).response
    assert (models / "stories" / "2" / "wharf.json").exists()
    assert not (models / ".pull").exists()

    client.copy("stories", "tales")
    assert "tales" in [model.model for model in client.list().models]
    options = {"num_predict": 8, "temperature": 0}
    told = [client.generate(model=name, prompt="Once", options=options).response for name in ("stories", "tales")]
    assert told[0] == told[1]
    if control == "explicit":
        client.delete("tales")
        assert "tales" not in [model.model for model in client.list().models]
    else:
        with pytest.raises(ollama.ResponseError) as error:
            client.delete("tales")
        assert error.value.status_code == 403


def test_what_cannot_be_pulled_is_said(puller, hub):  # noqa: F811
    client, _, models = puller
    for name, status, text in [
        ("hf.co/tellers/nothing", 404, "404"),
        ("hf.co/tellers/stories-GGUF:Q2_K", 404, "expected one named `Q2_K`"),
        ("hf.co/tellers/stories-GGUF", 404, "expected one model"),
        ("hf.co/tellers/stories-GGUF:F16", 400, "no language model"),
        ("http://127.0.0.1:1/x.gguf", 403, "not among the hosts"),
        ("https://example.com/x.gguf", 403, "not among the hosts"),
        (hub.replace("127.0.0.1", "localhost") + "/elsewhere/stories.gguf", 403, "not among the hosts"),
        ("file:///etc/passwd", 400, "no address"),
        ("../stories.gguf", 400, "no address"),
        ("llama3", 400, "no address"),
    ]:
        with pytest.raises(ollama.ResponseError) as error:
            client.pull(name)
        assert text in error.value.error, (name, error.value)
        assert error.value.status_code == status, (name, error.value)
        assert str(models) not in error.value.error
    for name in ("nobody", "../stories"):
        with pytest.raises(ollama.ResponseError):
            client.copy(name, "other")
    with pytest.raises(ollama.ResponseError):
        client.copy("stories", "../other")
    assert sorted(path.name for path in models.iterdir() if not path.name.startswith(".")) in (["stories"], ["stories", "tales"])


def test_nobody_pulls_unless_the_operator_lets_them(client):
    for call in (lambda: client.pull("hf.co/owner/name"), lambda: client.copy(MODEL, "other")):
        with pytest.raises(ollama.ResponseError) as error:
            call()
        assert error.value.status_code == 501
