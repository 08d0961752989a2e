//! TensorFlow Serving's `ModelServerConfig`: the models of a server, with their versions and labels.

use std::collections::BTreeMap;

use wharf_textproto::{Message, TextError, parse};

use crate::ModelConfig;

/// The message's full name, as errors of TensorFlow Serving have it.
pub const MODEL_SERVER_CONFIG: &str = "tensorflow.serving.ModelServerConfig";

/// Reads the models out of the text form of the message.
///
/// # Errors
/// The text is not in the format, has a field that the message does not, or asks for what this server does not do; with
/// line and column.
pub fn read_model_server_config(text: &str) -> Result<Vec<ModelConfig>, TextError> {
    let message = parse(text)?;
    let mut root = message.fields("ModelServerConfig");
    let list = root.message("model_config_list")?;
    if root.has("custom_model_config") {
        let problem = "`custom_model_config` is not supported, expected `model_config_list`";
        return Err(TextError::new(root.position("custom_model_config"), problem));
    }
    root.finish()?;
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut list = list.fields("ModelConfigList");
    let configs = list.messages("config")?;
    list.finish()?;
    configs.into_iter().map(read_model).collect()
}

fn read_model(message: &Message) -> Result<ModelConfig, TextError> {
    let mut fields = message.fields("ModelConfig");
    let place = message.fields.first().map(|field| field.position).unwrap_or_default();
    let missing = |name: &str| TextError::new(place, format!("a model has no `{name}`"));
    let name = fields.string("name")?.ok_or_else(|| missing("name"))?;
    let base_path = fields.string("base_path")?.ok_or_else(|| missing("base_path"))?;
    let platform = fields.string("model_platform")?.unwrap_or_default();
    if !["", "tensorflow", "onnx"].contains(&platform.as_str()) {
        let problem = format!("model `{name}` has the platform `{platform}`, expected `tensorflow` or none");
        return Err(TextError::new(fields.position("model_platform"), problem));
    }
    // Deprecated, and of one value: it says what `model_platform` says.
    fields.word("model_type")?;
    if fields.has("logging_config") {
        let problem = format!("`logging_config` of model `{name}` is not supported");
        return Err(TextError::new(fields.position("logging_config"), problem));
    }
    let policy =
        fields.message("model_version_policy")?.map(super::policy::read).transpose()?.unwrap_or_default();
    let position = fields.position("version_labels");
    let labels = fields.integer_map("version_labels")?;
    fields.finish()?;
    let labels = labels.into_iter().map(|(label, version)| match u64::try_from(version) {
        Ok(version) => Ok((label, version)),
        Err(_) => Err(TextError::new(position, format!("label `{label}` has version {version}"))),
    });
    let labels = labels.collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(ModelConfig { name, base_path: base_path.into(), policy, labels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VersionPolicy;

    #[test]
    fn models_are_read_with_policies_and_labels() {
        let text = r#"
            # The file of TensorFlow Serving's own documentation, in its several spellings.
            model_config_list: {
              config: { name: 'a', base_path: "/models/a", model_platform: "tensorflow" },
              config { name: 'b' base_path: '/b'
                       model_version_policy { specific { versions: 42 versions: 43 } }
                       version_labels { key: 'stable' value: 42 } version_labels { key: 'canary' value: 43 } }
              config { name: 'c' base_path: '/c' model_version_policy: { all: {} } }
              config { name: 'd' base_path: '/d' model_version_policy: { latest: { num_versions: 2 } } }
            }"#;
        let models = read_model_server_config(text).unwrap();
        let policies: Vec<&VersionPolicy> = models.iter().map(|model| &model.policy).collect();
        let specific = VersionPolicy::Specific([42, 43].into());
        assert_eq!(
            policies,
            [&VersionPolicy::Latest(1), &specific, &VersionPolicy::All, &VersionPolicy::Latest(2)]
        );
        assert_eq!((models[1].name.as_str(), models[1].base_path.to_str()), ("b", Some("/b")));
        assert_eq!(models[1].labels, [("canary".to_owned(), 43), ("stable".to_owned(), 42)].into());
        assert!(read_model_server_config("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("model_config_list { config { base_path: '/a' } }", "1:30: a model has no `name`"),
            ("model_config_list { config { name: 'a' } }", "1:30: a model has no `base_path`"),
            (
                "model_config_lst { }",
                "1:1: unknown field `model_config_lst` in ModelServerConfig, did you mean",
            ),
            ("model_config_list { config { nam: 'a' base_path: 'b' name: 'c' } }", "did you mean `name`?"),
            ("custom_model_config { }", "1:1: `custom_model_config` is not supported"),
            ("model_config_list { config { name: 'a' base_path: 'b' model_platform: 'x' } }", "platform `x`"),
            (
                "model_config_list { config { name: 'a' base_path: 'b' logging_config { } } }",
                "`logging_config`",
            ),
            (
                "model_config_list { config { name: 'a' base_path: 'b' model_version_policy { all { } latest { } } } }",
                "one of `latest`, `all` and `specific`",
            ),
            (
                "model_config_list { config { name: 'a' base_path: 'b' version_labels { key: 'x' value: -1 } } }",
                "label `x` has version -1",
            ),
        ] {
            let error = read_model_server_config(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
