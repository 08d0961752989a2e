use super::*;

/// Text as it is, calls as `name(arguments)`.
fn read(format: ToolFormat, most: u32, pieces: &[&str]) -> String {
    let mut parser = ToolParser::new(format, vec!["f".into(), "get_weather".into()], most);
    let mut found = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut found);
    }
    parser.finish(&mut found);
    let mut shown = String::new();
    let mut open = false;
    let mut next = 0;
    for piece in found {
        if open && !matches!(piece, Piece::Arguments { .. }) {
            shown.push(')');
            open = false;
        }
        match piece {
            Piece::Text(text) => shown.push_str(&text),
            Piece::Call { index, name } => {
                assert_eq!(index, next);
                next += 1;
                shown.push_str(&format!("{name}("));
                open = true;
            }
            Piece::Arguments { index, text } => {
                assert_eq!(index + 1, next);
                shown.push_str(&text);
            }
        }
    }
    shown + if open { ")" } else { "" }
}

/// The same whatever the pieces are that it comes in.
fn in_any_pieces(format: ToolFormat, most: u32, text: &str, expected: &str) {
    assert_eq!(read(format, most, &[text]), expected, "{text}");
    let letters: Vec<String> = text.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    assert_eq!(read(format, most, &letters), expected, "{text}, letter by letter");
    for (cut, _) in text.char_indices() {
        let (one, other) = text.split_at(cut);
        assert_eq!(read(format, most, &[one, other]), expected, "{one} | {other}");
    }
}

#[test]
fn calls_are_read_in_every_format() {
    for (format, text, expected) in [
        (ToolFormat::Hermes, "hello <world>", "hello <world>"),
        (
            ToolFormat::Hermes,
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"{\"}}\n</tool_call>",
            "f({\"a\": \"}\\\"{\"})",
        ),
        (
            ToolFormat::Hermes,
            "let me see\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"x\":[1,{\"y\":2}]}}</tool_call>",
            "let me seef({})get_weather({\"x\":[1,{\"y\":2}]})",
        ),
        (
            ToolFormat::Hermes,
            "<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"f\"}</tool_call>",
            "f({\"a\": 1})",
        ),
        (
            ToolFormat::Hermes,
            "<tool_call>{\"id\": 7, \"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
            "f({\"a\": 1})",
        ),
        (ToolFormat::Hermes, "<tool_call>{\"name\": \"f\"}</tool_call>", "f({})"),
        (
            ToolFormat::Hermes,
            "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call> done",
            "f({}) done",
        ),
        (ToolFormat::Llama3, "{\"name\": \"f\", \"parameters\": {\"a\": 1}}", "f({\"a\": 1})"),
        (
            ToolFormat::Llama3,
            "\n{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}; {\"name\": \"f\", \"parameters\": {}}",
            "f({})f({})",
        ),
        (ToolFormat::Llama3, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", "f({})"),
        (
            ToolFormat::Llama3,
            "see {\"name\": \"f\", \"parameters\": {}}",
            "see {\"name\": \"f\", \"parameters\": {}}",
        ),
        (
            ToolFormat::Mistral,
            "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}}, {\"name\": \"f\", \"arguments\": {\"b\": null}}]",
            "f({})f({\"b\": null})",
        ),
        (ToolFormat::Mistral, "[{\"name\": \"f\", \"arguments\": {}}]", "f({})"),
        (ToolFormat::Mistral, "[1] is a list", "[1] is a list"),
    ] {
        in_any_pieces(format, u32::MAX, text, expected);
    }
}

#[test]
fn what_is_no_call_is_text() {
    for text in [
        "<tool_call>no json</tool_call>",
        "<tool_call>{\"name\": \"unknown\", \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": 3}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\"",
        "<tool_call>{\"arguments\": {\"a\": tru}, \"name\": \"f\"}</tool_call>",
        "<tool_call>",
        "<tool_cal",
        "<<tool_call",
        "a < b",
        "<tool_call>{\"name\": \"f\" \"x\"}",
    ] {
        in_any_pieces(ToolFormat::Hermes, u32::MAX, text, text);
    }
    in_any_pieces(ToolFormat::Llama3, u32::MAX, "{\"answer\": 42}", "{\"answer\": 42}");
}

#[test]
fn no_more_calls_than_allowed() {
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    in_any_pieces(ToolFormat::Hermes, 1, &format!("{call}\n{call} more"), "f({})");
}

#[test]
fn arguments_go_on_as_they_come() {
    let mut parser = ToolParser::new(ToolFormat::Hermes, vec!["f".into()], 8);
    let mut found = Vec::new();
    parser.push("<tool_call>{\"name\": \"f\", \"arguments\": {\"text\": \"Hel", &mut found);
    let arguments = |text: &str| Piece::Arguments { index: 0, text: text.into() };
    assert_eq!(found, [Piece::Call { index: 0, name: "f".into() }, arguments("{\"text\": \"Hel")]);
    found.clear();
    parser.push("lo", &mut found);
    assert_eq!(found, [arguments("lo")]);
}

#[test]
fn hostile_text_takes_linear_time() {
    for text in [
        "<tool_call>".repeat(100_000),
        "<".repeat(1 << 20),
        "<tool_call>{".repeat(50_000),
        "{\"a\":".repeat(100_000),
    ] {
        for format in [ToolFormat::Hermes, ToolFormat::Llama3, ToolFormat::Mistral] {
            assert_eq!(read(format, u32::MAX, &[&text]), text);
        }
    }
}
