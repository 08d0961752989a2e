"""Ollama's own client against the real server."""

import ollama
import pytest
from language import MODEL, language  # noqa: F401: a fixture

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
