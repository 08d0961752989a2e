//! Grammars of tool calls, in Lark's notation.

use std::fmt::Write as _;

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
            let (trigger, lead, rest) = triggered(format);
            let grammar = grammar(format, tools, (lead, rest), is_parallel);
            Some(Constraint::Triggered(vec![(trigger.to_owned(), Box::new(Constraint::Grammar(grammar)))]))
        }
        ToolChoice::Auto => None,
        ToolChoice::Required => Some(forced(format, tools, is_parallel)),
        ToolChoice::Named(name) => {
            let named: Vec<Tool> = tools.iter().filter(|tool| tool.name == *name).cloned().collect();
            Some(forced(format, &named, false))
        }
    }
}

fn forced(format: ToolFormat, tools: &[Tool], is_parallel: bool) -> Constraint {
    // The caller forced it: the arguments are held to the schema whether it is strict or not.
    let tools: Vec<Tool> = tools.iter().map(|tool| Tool { strict: true, ..tool.clone() }).collect();
    let lead = match format {
        ToolFormat::Hermes => "<tool_call>\n",
        ToolFormat::Llama3 => "",
        ToolFormat::Mistral => "[",
    };
    Constraint::Grammar(grammar(format, &tools, (lead, "{\"name\": "), is_parallel))
}

/// What a call that the model makes of its own accord begins with, and what follows that.
fn triggered(format: ToolFormat) -> (&'static str, &'static str, &'static str) {
    match format {
        ToolFormat::Hermes => ("<tool_call>", "\n", "{\"name\": "),
        ToolFormat::Llama3 => ("{\"name\":", "", " "),
        ToolFormat::Mistral => ("[{\"name\":", "", " "),
    }
}

/// `lead`, then a call that begins with `open`, then its end; and more calls where the format has them.
fn grammar(format: ToolFormat, tools: &[Tool], (lead, open): (&str, &str), is_parallel: bool) -> String {
    let (close, between) = match format {
        ToolFormat::Hermes => ("\n</tool_call>", "\n<tool_call>\n{\"name\": "),
        ToolFormat::Llama3 => ("", ""),
        ToolFormat::Mistral => ("]", ", {\"name\": "),
    };
    let many = is_parallel && format != ToolFormat::Llama3;
    let (each, last) = if format == ToolFormat::Hermes { (close, "") } else { ("", close) };
    let mut text = format!("start: {} call", quoted(&format!("{lead}{open}")));
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
        let any = serde_json::json!({"type": "object"});
        let schema = tool.parameters.as_ref().filter(|_| tool.strict).unwrap_or(&any);
        let _ =
            writeln!(text, "tool_{index}: {name} arguments_{index} {end}\narguments_{index}: %json {schema}");
    }
    text
}

/// A string of Lark's; its escapes are JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            "start: \"<tool_call>\\n{\\\"name\\\": \" call ( \"\\n<tool_call>\\n{\\\"name\\\": \" call )*\n\
             call: tool_0 | tool_1\n\
             tool_0: \"\\\"f\\\", \\\"arguments\\\": \" arguments_0 \"}\\n</tool_call>\"\n\
             arguments_0: %json {\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}}\n\
             tool_1: \"\\\"g\\\", \\\"arguments\\\": \" arguments_1 \"}\\n</tool_call>\"\n\
             arguments_1: %json {\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}}\n"
        );
        let named = ToolChoice::Named("g".into());
        let Some(Constraint::Grammar(grammar)) = tool_constraint(ToolFormat::Mistral, &tools, &named, true)
        else {
            panic!("no grammar");
        };
        assert!(grammar.starts_with("start: \"[{\\\"name\\\": \" call \"]\"\ncall: tool_0\n"), "{grammar}");
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
                assert!(grammar.contains("arguments_1: %json {\"type\":\"object\"}\n"), "{grammar}");
            }
        }
    }
}
