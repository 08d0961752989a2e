"""Anthropic's own client against the real server."""

import anthropic
import pytest
from language import MODEL, language  # noqa: F401: a fixture

# The client has no name for it any more, the interface has.
GREEDY = {"temperature": 0}
STORY = [{"role": "user", "content": "Once upon a time"}]


@pytest.fixture(scope="module")
def client(language):  # noqa: F811
    return anthropic.Anthropic(base_url=language.http, api_key="none", max_retries=0)


def test_a_message_whole_and_streamed_say_the_same(client):
    asked = {"model": MODEL, "max_tokens": 16, "messages": STORY, "extra_body": GREEDY}
    whole = client.messages.create(**asked)
    assert whole.content[0].text and whole.stop_reason in ("end_turn", "max_tokens")
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == whole.content[0].text == final.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_forced_tools_are_called(client):
    schema = {
        "type": "object",
        "properties": {"deep": {"type": "boolean"}},
        "required": ["deep"],
        "additionalProperties": False,
    }
    tools = [{"name": "look", "input_schema": schema}]
    choice = {"type": "tool", "name": "look"}
    with client.messages.stream(
        model=MODEL, max_tokens=200, messages=STORY, tools=tools, tool_choice=choice, extra_body=GREEDY
    ) as stream:
        final = stream.get_final_message()
    (call,) = [block for block in final.content if block.type == "tool_use"]
    assert call.name == "look" and isinstance(call.input["deep"], bool) and final.stop_reason == "tool_use"


def test_tokens_are_counted(client):
    counted = client.messages.count_tokens(model=MODEL, messages=STORY).input_tokens
    answer = client.messages.create(model=MODEL, max_tokens=1, messages=STORY)
    assert counted == answer.usage.input_tokens + answer.usage.cache_read_input_tokens


def test_errors_are_of_their_classes(client):
    with pytest.raises(anthropic.NotFoundError) as error:
        client.messages.create(model="nobody", max_tokens=1, messages=STORY)
    assert error.value.request_id
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=MODEL, max_tokens=1, messages=STORY, extra_body={"temperature": 3})
