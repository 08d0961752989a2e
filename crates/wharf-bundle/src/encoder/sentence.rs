//! What sentence-transformers writes beside a model: its modules, and how one of them pools.

use std::path::{Component, Path};

use serde::Deserialize;

use super::Pooling;
use super::folder::read;
use crate::BundleError;

const MODULES: &str = "modules.json";

/// What its files say. Without them the mean is taken, as it does itself.
#[derive(Default)]
pub(super) struct Sentence {
    pub(super) pooling: Pooling,
    pub(super) normalize: bool,
    pub(super) max_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct TransformerConfig {
    max_seq_length: Option<u32>,
}

/// Either one name, or a flag for each way.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl Sentence {
    /// Reads what there is of it in a folder.
    ///
    /// # Errors
    /// A file is malformed, or a module is one that is not done here.
    pub(super) fn read(folder: &Path) -> Result<Self, BundleError> {
        let transformer: Option<TransformerConfig> = read(folder, "sentence_bert_config.json")?;
        let max_tokens = transformer.and_then(|config| config.max_seq_length).filter(|most| *most > 0);
        let mut sentence = Self { max_tokens, ..Self::default() };
        let Some(modules) = read::<Vec<Module>>(folder, MODULES)? else {
            sentence.pooling = pooling(folder, "1_Pooling")?.unwrap_or_default();
            return Ok(sentence);
        };
        for module in modules {
            match module.kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Normalize" => sentence.normalize = true,
                "Pooling" => sentence.pooling = pooling(folder, &module.path)?.unwrap_or_default(),
                other => {
                    let problem =
                        format!("has a module `{other}`, expected `Transformer`, `Pooling` and `Normalize`");
                    return Err(BundleError::settings(MODULES, problem));
                }
            }
        }
        Ok(sentence)
    }
}

fn pooling(folder: &Path, path: &str) -> Result<Option<Pooling>, BundleError> {
    let mut parts = Path::new(path).components();
    if !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(BundleError::settings(
            MODULES,
            format!("has the path `{path}`, expected a folder beside it"),
        ));
    }
    let name = if path.is_empty() { "config.json".to_owned() } else { format!("{path}/config.json") };
    let Some(config) = read::<PoolingConfig>(folder, &name)? else { return Ok(None) };
    config.pooling().map(Some).map_err(|problem| BundleError::settings(&name, problem))
}

impl PoolingConfig {
    fn pooling(&self) -> Result<Pooling, String> {
        if let Some(name) = &self.pooling_mode {
            return by_name(name);
        }
        let ways = [
            (self.pooling_mode_cls_token, "cls"),
            (self.pooling_mode_mean_tokens, "mean"),
            (self.pooling_mode_max_tokens, "max"),
            (self.pooling_mode_mean_sqrt_len_tokens, "mean_sqrt_len_tokens"),
            (self.pooling_mode_weightedmean_tokens, "weightedmean"),
            (self.pooling_mode_lasttoken, "lasttoken"),
        ];
        let chosen: Vec<&str> =
            ways.iter().filter(|(is_chosen, _)| *is_chosen).map(|(_, name)| *name).collect();
        match chosen[..] {
            [name] => by_name(name),
            _ => Err(format!("pools in {} ways, expected one", chosen.len())),
        }
    }
}

fn by_name(name: &str) -> Result<Pooling, String> {
    Ok(match name {
        "cls" => Pooling::Cls,
        "mean" => Pooling::Mean,
        "max" => Pooling::Max,
        "mean_sqrt_len_tokens" => Pooling::MeanSqrtLen,
        "lasttoken" => Pooling::Last,
        other => {
            return Err(format!(
                "pools by `{other}`, expected `mean`, `cls`, `max`, `lasttoken` or `mean_sqrt_len_tokens`"
            ));
        }
    })
}
