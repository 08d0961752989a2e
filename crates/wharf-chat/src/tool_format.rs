//! How models write their calls of tools.

/// A way of writing calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolFormat {
    /// `<tool_call>\n{"name": .., "arguments": ..}\n</tool_call>`, as Hermes and Qwen do.
    Hermes,
    /// `{"name": .., "parameters": ..}` and nothing else, as Llama 3 does.
    Llama3,
    /// `[TOOL_CALLS] [{"name": .., "arguments": ..}]`, as Mistral does.
    Mistral,
}

impl ToolFormat {
    /// The way that a template shows; `None` where it knows no tools, or a way that is not known here.
    pub fn of(template: &str) -> Option<Self> {
        if !template.contains("tools") {
            return None;
        }
        if template.contains("<tool_call>") {
            return Some(Self::Hermes);
        }
        if template.contains("[TOOL_CALLS]") && !template.contains("[ARGS]") {
            return Some(Self::Mistral);
        }
        (template.contains("ipython") && template.contains("\"parameters\"")).then_some(Self::Llama3)
    }

    /// What says that a call follows, wherever it stands.
    pub(crate) fn opener(self) -> &'static str {
        match self {
            Self::Hermes => "<tool_call>",
            Self::Llama3 => "<|python_tag|>",
            Self::Mistral => "[TOOL_CALLS]",
        }
    }

    /// What follows the last call, or each of them.
    pub(crate) fn closer(self) -> &'static str {
        match self {
            Self::Hermes => "</tool_call>",
            Self::Llama3 => "",
            Self::Mistral => "]",
        }
    }

    /// Whether an answer that begins with a call's object is one: the openers of these are control tokens, which
    /// do not show.
    pub(crate) fn may_begin_bare(self) -> bool {
        self != Self::Hermes
    }

    /// The name of the field of a call's arguments.
    pub(crate) fn arguments_field(self) -> &'static str {
        match self {
            Self::Hermes | Self::Mistral => "arguments",
            Self::Llama3 => "parameters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_show_how_their_models_call() {
        for (template, expected) in [
            ("{% if tools %}<tool_call>{% endif %}", Some(ToolFormat::Hermes)),
            ("{{ tools }}[TOOL_CALLS]", Some(ToolFormat::Mistral)),
            ("{{ tools }}[TOOL_CALLS]x[ARGS]", None),
            ("{{ tools }} ipython {\"name\": f, \"parameters\": p}", Some(ToolFormat::Llama3)),
            ("{{ tools }}<｜tool▁calls▁begin｜>", None),
            ("{{ messages }}<tool_call>", None),
        ] {
            assert_eq!(ToolFormat::of(template), expected, "{template}");
        }
    }
}
