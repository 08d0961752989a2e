//! What stands in where a model brings nothing of its own.

/// ChatML, for models without a template.
pub(crate) const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n\
                                 {{ message.content }}<|im_end|>\n{% endfor %}\
                                 {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// What ends a turn of [`CHATML`]: a model without it in its vocabulary writes it as text.
pub(crate) const CHATML_END: &str = "<|im_end|>";

/// How tools are told of to a model whose template has no place for them. The words are those that Hermes and Qwen are
/// trained on; any model that follows instructions can follow them.
pub(crate) fn tool_instructions(tools: &[String]) -> String {
    format!(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with \
         function signatures within <tools></tools> XML tags:\n<tools>\n{}\n</tools>\n\nFor each function call, \
         return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n\
         <tool_call>\n{{\"name\": <function-name>, \"arguments\": <args-json-object>}}\n</tool_call>",
        tools.join("\n")
    )
}
