"""OpenAI's own client against the real server, with a model that writes stories."""

import json
import time

import openai
import pydantic
import pytest
import requests
from language import DATA, MODEL, language  # noqa: F401: a fixture

STORY = [{"role": "user", "content": "Once upon a time"}]
# The helpers for streams take an answer that is cut by its length for an error: these end with the sentence.
SENTENCE = {"stop": ["."], "max_completion_tokens": 200}


@pytest.fixture(scope="module")
def client(language):  # noqa: F811
    return openai.OpenAI(base_url=f"{language.http}/v1", api_key="none", max_retries=0)


def test_greedy_answers_are_those_of_the_oracle(client, language):  # noqa: F811
    oracle = json.loads((DATA / "oracle.json").read_text())
    for case in (case for case in oracle["cases"] if case["model"] == "base"):
        expected = requests.post(f"{language.http}/detokenize", json={"tokens": case["greedy_ids"]}).json()
        answer = client.completions.create(
            model=MODEL, prompt=case["prompt_ids"], max_tokens=len(case["greedy_ids"]), temperature=0, logprobs=0
        )
        assert answer.choices[0].text.strip() == expected["prompt"].strip()
        assert answer.usage.completion_tokens == len(case["greedy_ids"])


def test_a_chat_whole_and_streamed_say_the_same(client):
    asked = {"model": MODEL, "messages": STORY, "temperature": 0, **SENTENCE}
    whole = client.chat.completions.create(**asked)
    assert whole._request_id
    assert whole.choices[0].finish_reason == "stop" and "." not in whole.choices[0].message.content
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert final.usage.completion_tokens == whole.usage.completion_tokens
    assert final.usage.prompt_tokens_details.cached_tokens > 0


def test_several_choices_stream_through_the_helper(client):
    with client.chat.completions.stream(model=MODEL, messages=STORY, n=3, seed=1, **SENTENCE) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert [choice.index for choice in final.choices] == [0, 1, 2]


def test_a_seed_alone_decides(client):
    asked = {"model": MODEL, "messages": STORY, "max_completion_tokens": 16, "temperature": 1.0}
    say = lambda seed: client.chat.completions.create(**asked, seed=seed).choices[0].message.content
    assert say(7) == say(7)
    assert len({say(seed) for seed in range(4)}) > 1


class Animal(pydantic.BaseModel):
    # A model this small does not end a name of its own accord.
    name: str = pydantic.Field(max_length=8)
    legs: int = pydantic.Field(ge=0, le=8)


def test_answers_are_parsed_into_models(client):
    answer = client.chat.completions.parse(
        model=MODEL, messages=STORY, response_format=Animal, max_completion_tokens=200, temperature=0, extra_body={"repetition_penalty": 1.3}
    )
    assert isinstance(answer.choices[0].message.parsed, Animal)


def test_forced_tools_are_called_with_valid_arguments(client):
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters, "strict": True}}]
    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice in ("required", named):
        answer = client.chat.completions.create(
            model=MODEL, messages=STORY, tools=tools, tool_choice=choice, parallel_tool_calls=False, max_completion_tokens=200, temperature=0
        )
        (call,) = answer.choices[0].message.tool_calls
        assert call.function.name == "get_weather"
        assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")
        with client.chat.completions.stream(
            model=MODEL, messages=STORY, tools=tools, tool_choice=choice, parallel_tool_calls=False, max_completion_tokens=200, temperature=0
        ) as stream:
            for _ in stream:
                pass
            (streamed,) = stream.get_final_completion().choices[0].message.tool_calls
        assert streamed.function.arguments == call.function.arguments
    assert answer.choices[0].finish_reason == "tool_calls"


def test_probabilities_are_those_of_a_distribution(client):
    answer = client.completions.create(
        model=MODEL, prompt="Once upon a time", max_tokens=4, logprobs=5, echo=True, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs.token_logprobs[0] is None
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])
    for chosen, top in zip(logprobs.token_logprobs[1:], logprobs.top_logprobs[1:]):
        assert len(top) >= 5 and max(top.values()) >= chosen


def test_errors_are_of_their_classes(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(model="nobody", messages=STORY)
    assert error.value.code == "model_not_found" and error.value.request_id
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=MODEL, messages=STORY, temperature=9)
    assert error.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "story " * 20000}])
    assert error.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=MODEL, messages=STORY, extra_body={"frobnicate": 1})
    assert error.value.param == "frobnicate"


def test_models_are_listed(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


def test_responses_are_remembered_and_streamed(client):
    first = client.responses.create(model=MODEL, input="Once upon a time", max_output_tokens=12, temperature=0)
    assert first.output_text
    assert client.responses.retrieve(first.id).output_text == first.output_text
    asked = {"model": MODEL, "input": "and then", "previous_response_id": first.id, "max_output_tokens": 12, "temperature": 0}
    with client.responses.stream(**asked) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text == client.responses.create(**asked).output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_a_batch_is_answered(client):
    lines = [
        {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/completions",
         "body": {"model": MODEL, "prompt": "Once upon", "max_tokens": 4, "temperature": 0}}
        for number in range(6)
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    file = client.files.create(file=("lines.jsonl", content), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    end = time.monotonic() + 60
    while batch.status not in ("completed", "failed") and time.monotonic() < end:
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed" and batch.request_counts.completed == 6
    answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert {answer["custom_id"] for answer in answers} == {line["custom_id"] for line in lines}
    assert len({answer["response"]["body"]["choices"][0]["text"] for answer in answers}) == 1
