//! Grammars of tool calls, in Lark's notation.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wharf_infer::language::Constraint;

use crate::message::Tool;
use crate::tool_format::ToolFormat;

/// Whether tools are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// None of them.
    None,
    /// As the model likes.
    Auto,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// What an answer must look like for `choice` to be kept, and for the arguments of strict tools to be what their
/// schemas say. `None` where the model is free.
pub fn tool_constraint(
    format: ToolFormat,
    tools: &[Tool],
    choice: &ToolChoice,
    is_parallel: bool,
) -> Option<Constraint> {
    match choice {
        ToolChoice::None => None,
        ToolChoice::Auto if tools.iter().any(|tool| tool.strict) => {
            let grammar =
                |text: &str| Box::new(Constraint::Grammar(grammar(format, tools, text, is_parallel)));
            let triggers =
                triggers(format).iter().map(|(trigger, rest)| ((*trigger).to_owned(), grammar(rest)));
            Some(Constraint::Triggered(triggers.collect()))
        }
        ToolChoice::Auto => None,
        ToolChoice::Required => Some(forced(format, tools, is_parallel)),
        ToolChoice::Named(name) => {
            let named: Vec<Tool> = tools.iter().filter(|tool| tool.name == *name).cloned().collect();
            Some(forced(format, &named, false))
        }
    }
}

/// What an answer must look like that is either a document of `schema`, or calls of tools. `None` where the format's calls
/// begin as documents do: which of them it is would have to be known before it shows.
pub fn answer_or_calls(
    format: ToolFormat,
    tools: &[Tool],
    is_parallel: bool,
    schema: &Value,
) -> Option<Constraint> {
    if format.may_begin_bare() {
        return None;
    }
    let rules = rules(format, tools, lead(format), is_parallel);
    let answer = compact(Some(schema));
    Some(Constraint::Grammar(format!("start: calls | answer\nanswer: %json {answer}\n{rules}")))
}

fn forced(format: ToolFormat, tools: &[Tool], is_parallel: bool) -> Constraint {
    // The caller forced it: the arguments are held to the schema whether it is strict or not.
    let tools: Vec<Tool> = tools.iter().map(|tool| Tool { strict: true, ..tool.clone() }).collect();
    Constraint::Grammar(grammar(format, &tools, lead(format), is_parallel))
}

/// What the first of forced calls begins with, up to the tool's name.
fn lead(format: ToolFormat) -> &'static str {
    match format {
        ToolFormat::Hermes => "<tool_call>\n{\"name\": ",
        ToolFormat::Llama3 => "{\"name\": ",
        ToolFormat::Mistral => "[{\"name\": ",
    }
}

/// What calls that the model makes of its own accord begin with, and what follows that. Openers that are control tokens
/// may be left out.
fn triggers(format: ToolFormat) -> &'static [(&'static str, &'static str)] {
    match format {
        ToolFormat::Hermes => &[("<tool_call>", "\n{\"name\": ")],
        ToolFormat::Llama3 => &[("<|python_tag|>", "{\"name\": "), ("{\"name\":", " ")],
        ToolFormat::Mistral => &[("[TOOL_CALLS]", " [{\"name\": "), ("[{\"name\":", " ")],
    }
}

/// Calls and nothing else.
fn grammar(format: ToolFormat, tools: &[Tool], lead: &str, is_parallel: bool) -> String {
    format!("start: calls\n{}", rules(format, tools, lead, is_parallel))
}

/// `lead`, then a call from its name on, then its end; and more calls where the format has them.
fn rules(format: ToolFormat, tools: &[Tool], lead: &str, is_parallel: bool) -> String {
    let (close, between) = match format {
        ToolFormat::Hermes => ("\n</tool_call>", "\n<tool_call>\n{\"name\": "),
        ToolFormat::Llama3 => ("", ""),
        ToolFormat::Mistral => ("]", ", {\"name\": "),
    };
    let many = is_parallel && format != ToolFormat::Llama3;
    let (each, last) = if format == ToolFormat::Hermes { (close, "") } else { ("", close) };
    let mut text = format!("calls: {} call", quoted(lead));
    if many {
        let _ = write!(text, " ( {} call )*", quoted(between));
    }
    if !last.is_empty() {
        let _ = write!(text, " {}", quoted(last));
    }
    let names: Vec<String> = (0..tools.len()).map(|index| format!("tool_{index}")).collect();
    let _ = writeln!(text, "\ncall: {}", names.join(" | "));
    let field = format.arguments_field();
    for (index, tool) in tools.iter().enumerate() {
        let name = quoted(&format!("\"{}\", \"{field}\": ", tool.name));
        let end = quoted(&format!("}}{each}"));
        let schema = compact(tool.parameters.as_ref().filter(|_| tool.strict));
        let _ =
            writeln!(text, "tool_{index}: {name} arguments_{index} {end}\narguments_{index}: %json {schema}");
    }
    text
}

/// A schema without blanks between the parts of a document, which models could go on with for ever.
fn compact(schema: Option<&Value>) -> Value {
    let mut schema = schema.cloned().unwrap_or_else(|| json!({"type": "object"}));
    if let Value::Object(fields) = &mut schema {
        fields.insert("x-guidance".to_owned(), json!({"whitespace_flexible": false}));
    }
    schema
}

/// A string of Lark's; its escapes are JSON's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use llguidance::api::TopLevelGrammar;
    use llguidance::{Matcher, ParserFactory};
    use toktrie::ApproximateTokEnv;

    use super::*;

    fn tool(name: &str, strict: bool) -> Tool {
        let parameters = Some(json!({"type": "object", "properties": {"q": {"type": "string"}}}));
        Tool { name: name.into(), description: None, parameters, strict }
    }

    #[test]
    fn forced_calls_are_held_to_their_schemas() {
        let tools = [tool("f", false), tool("g", false)];
        let Some(Constraint::Grammar(grammar)) =
            tool_constraint(ToolFormat::Hermes, &tools, &ToolChoice::Required, true)
        else {
            panic!("no grammar");
        };
        assert_eq!(
            grammar,
            "start: calls\ncalls: \"<tool_call>\\n{\\\"name\\\": \" call ( \"\\n<tool_call>\\n{\\\"name\\\": \" call )*\n\
             call: tool_0 | tool_1\n\
             tool_0: \"\\\"f\\\", \\\"arguments\\\": \" arguments_0 \"}\\n</tool_call>\"\n\
             arguments_0: %json {\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}},\"x-guidance\":{\"whitespace_flexible\":false}}\n\
             tool_1: \"\\\"g\\\", \\\"arguments\\\": \" arguments_1 \"}\\n</tool_call>\"\n\
             arguments_1: %json {\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}},\"x-guidance\":{\"whitespace_flexible\":false}}\n"
        );
        let named = ToolChoice::Named("g".into());
        let Some(Constraint::Grammar(grammar)) = tool_constraint(ToolFormat::Mistral, &tools, &named, true)
        else {
            panic!("no grammar");
        };
        assert!(
            grammar.starts_with("start: calls\ncalls: \"[{\\\"name\\\": \" call \"]\"\ncall: tool_0\n"),
            "{grammar}"
        );
        assert!(grammar.contains("g") && !grammar.contains("\\\"f\\\""), "{grammar}");
    }

    #[test]
    fn free_calls_are_held_to_schemas_where_one_is_strict() {
        for (strict, choice, is_constrained) in [
            (false, ToolChoice::Auto, false),
            (true, ToolChoice::Auto, true),
            (true, ToolChoice::None, false),
        ] {
            let tools = [tool("f", strict), tool("g", false)];
            let constraint = tool_constraint(ToolFormat::Hermes, &tools, &choice, true);
            assert_eq!(constraint.is_some(), is_constrained, "{choice:?}");
            if let Some(Constraint::Triggered(triggers)) = constraint {
                assert_eq!(triggers[0].0, "<tool_call>");
                let Constraint::Grammar(grammar) = &*triggers[0].1 else { panic!("no grammar") };
                assert!(
                    grammar.contains("arguments_1: %json {\"type\":\"object\",\"x-guidance\""),
                    "{grammar}"
                );
            }
        }
    }

    /// Whether the grammar of `constraint` takes the whole of `text`, in tokens of one byte.
    fn takes(grammar: &str, text: &str) -> bool {
        let factory = ParserFactory::new_simple(&ApproximateTokEnv::single_byte_env()).unwrap();
        let mut matcher = Matcher::new(factory.create_parser(TopLevelGrammar::from_lark(grammar.to_owned())));
        assert_eq!(matcher.get_error(), None, "{grammar}");
        let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
        matcher.try_consume_tokens(&tokens).unwrap() == tokens.len() && matcher.is_accepting().unwrap()
    }

    #[test]
    fn grammars_take_calls_and_nothing_else() {
        let parameters = json!({
            "type": "object",
            "properties": {"q": {"$ref": "#/$defs/word"}},
            "required": ["q"],
            "additionalProperties": false,
            "$defs": {"word": {"enum": ["a", "b"]}},
        });
        let tools = ["f", "g"].map(|name| Tool { parameters: Some(parameters.clone()), ..tool(name, true) });
        let hermes = |name: &str| {
            format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {{\"q\":\"a\"}}}}\n</tool_call>")
        };
        let named = ToolChoice::Named("g".into());
        for (format, choice, is_parallel, text, is_taken) in [
            (ToolFormat::Hermes, &ToolChoice::Required, true, hermes("f"), true),
            (ToolFormat::Hermes, &ToolChoice::Required, true, format!("{}\n{}", hermes("f"), hermes("g")), true),
            (ToolFormat::Hermes, &ToolChoice::Required, false, format!("{}\n{}", hermes("f"), hermes("g")), false),
            (ToolFormat::Hermes, &named, true, hermes("g"), true),
            (ToolFormat::Hermes, &named, true, hermes("f"), false),
            (ToolFormat::Hermes, &ToolChoice::Required, true, hermes("f").replace("\"a\"", "\"c\""), false),
            (ToolFormat::Hermes, &ToolChoice::Required, true, "hello".into(), false),
            (ToolFormat::Llama3, &ToolChoice::Required, true, "{\"name\": \"f\", \"parameters\": {\"q\":\"b\"}}".into(), true),
            (
                ToolFormat::Mistral,
                &ToolChoice::Required,
                true,
                "[{\"name\": \"f\", \"arguments\": {\"q\":\"b\"}}, {\"name\": \"g\", \"arguments\": {\"q\":\"a\"}}]".into(),
                true,
            ),
        ] {
            let Some(Constraint::Grammar(grammar)) = tool_constraint(format, &tools, choice, is_parallel) else {
                panic!("no grammar");
            };
            assert_eq!(takes(&grammar, &text), is_taken, "{text}\n{grammar}");
        }
        for format in [ToolFormat::Hermes, ToolFormat::Llama3, ToolFormat::Mistral] {
            let Some(Constraint::Triggered(triggers)) =
                tool_constraint(format, &tools, &ToolChoice::Auto, true)
            else {
                panic!("no triggers");
            };
            for (trigger, inner) in triggers {
                let Constraint::Grammar(grammar) = *inner else { panic!("no grammar") };
                let call = match format {
                    ToolFormat::Hermes => hermes("f"),
                    ToolFormat::Llama3 => {
                        "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"q\":\"b\"}}".to_owned()
                    }
                    ToolFormat::Mistral => {
                        "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"q\":\"b\"}}]".to_owned()
                    }
                };
                let rest = call.split_once(&trigger).unwrap().1;
                assert!(takes(&grammar, rest), "{trigger} {rest}\n{grammar}");
            }
        }
    }

    #[test]
    fn an_answer_may_be_a_document_or_calls() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
        let tools = [tool("f", true)];
        let Some(Constraint::Grammar(grammar)) = answer_or_calls(ToolFormat::Hermes, &tools, true, &schema)
        else {
            panic!("no grammar");
        };
        let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"q\":\"b\"}}\n</tool_call>";
        assert!(takes(&grammar, "{\"n\":5}") && takes(&grammar, call), "{grammar}");
        assert!(!takes(&grammar, "{\"m\":5}") && !takes(&grammar, "hello"), "{grammar}");
        for format in [ToolFormat::Llama3, ToolFormat::Mistral] {
            assert_eq!(answer_or_calls(format, &tools, true, &schema), None);
        }
    }
}
