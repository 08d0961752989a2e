"""Answers that must keep to a schema do: over 200 schemas, checked by an implementation of JSON Schema that is not ours."""

import json
import random

import jsonschema
import openai
import pytest
from language import MODEL, language  # noqa: F401: a fixture

COUNT = 210


def number(draw):
    low = draw.randrange(-50, 50)
    return {"type": "integer", "minimum": low, "maximum": low + draw.randrange(1, 1000)}


def text(draw):
    kinds = [
        {"type": "string", "maxLength": draw.randrange(1, 12)},
        {"type": "string", "minLength": 2, "maxLength": 8},
        {"type": "string", "pattern": draw.choice(["^[a-z]{2,6}$", "^[0-9]{3}-[0-9]{2}$", "^(red|green|blue)$"])},
        {"type": "string", "format": draw.choice(["date", "uuid"])},
    ]
    return draw.choice(kinds)


def leaf(draw):
    kinds = [
        lambda: number(draw),
        lambda: text(draw),
        lambda: {"type": "boolean"},
        lambda: {"type": "null"},
        lambda: {"enum": draw.sample(["a", "b", 1, 2.5, None, True], 3)},
        lambda: {"const": draw.choice(["fixed", 7, False])},
    ]
    return draw.choice(kinds)()


def schema(draw, depth):
    if depth == 0:
        return leaf(draw)
    kind = draw.randrange(4)
    if kind == 0:
        return {"type": "array", "items": schema(draw, depth - 1), "minItems": draw.randrange(2), "maxItems": draw.randrange(2, 4)}
    if kind == 1:
        return {"anyOf": [schema(draw, depth - 1), leaf(draw)]}
    return an_object(draw, depth)


def an_object(draw, depth):
    names = draw.sample(["name", "age", "city", "tags", "size", "é", "is ok", "x-1"], draw.randrange(1, 5))
    properties = {name: schema(draw, depth - 1) for name in names}
    required = draw.sample(names, draw.randrange(len(names) + 1))
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def with_definitions(draw):
    node = {"type": "object", "properties": {"value": number(draw)}, "required": ["value"], "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"first": {"$ref": "#/$defs/node"}, "second": {"$ref": "#/$defs/node"}},
        "required": ["first", "second"],
        "additionalProperties": False,
        "$defs": {"node": node},
    }


def schemas():
    for index in range(COUNT):
        draw = random.Random(index)
        yield with_definitions(draw) if index % 10 == 9 else an_object(draw, 1 + index % 3)


def test_answers_keep_to_their_schemas(language):  # noqa: F811
    client = openai.OpenAI(base_url=f"{language.http}/v1", api_key="none", max_retries=0)
    kept = 0
    for index, wanted in enumerate(schemas()):
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted, "strict": True}}
        answer = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": f"story {index}"}],
            response_format=form,
            max_completion_tokens=400,
            seed=index,
            temperature=1.0,
        )
        choice = answer.choices[0]
        if choice.finish_reason == "length":
            continue
        jsonschema.validate(json.loads(choice.message.content), wanted)
        kept += 1
    assert kept >= 200, f"only {kept} of {COUNT} answers came to their end"


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "object", "properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}},
        {"type": "string", "pattern": "("},
        {"type": "wrong"},
        {"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}, "unevaluatedProperties": False},
    ],
)
def test_schemas_that_cannot_be_kept_are_refused(language, wanted):  # noqa: F811
    client = openai.OpenAI(base_url=f"{language.http}/v1", api_key="none", max_retries=0)
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], response_format=form, max_completion_tokens=50
        )
    assert error.value.param == "response_format"
