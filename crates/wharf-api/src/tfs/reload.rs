//! The list of served models, as a message.

use std::collections::{BTreeMap, BTreeSet};

use wharf_infer::{ErrorCode, ServiceError};
use wharf_serve::{ModelConfig, VersionPolicy};

use super::backend::TfsBackend;
use super::signature::shown;
use crate::proto::tensorflow::serving as wire;
use wire::file_system_storage_path_source_config::ServableVersionPolicy;
use wire::file_system_storage_path_source_config::servable_version_policy::PolicyChoice;

impl TfsBackend {
    /// Serves the models of `request` and no others. Returns when they have settled.
    pub(super) async fn reload(&self, request: wire::ReloadConfigRequest) -> Result<(), ServiceError> {
        if !request.metric_names.is_empty() {
            let text = "metric_names is set, but this server does not report metrics in this reply";
            return Err(ServiceError::new(ErrorCode::Unimplemented, text));
        }
        let list = match request.config.and_then(|config| config.config) {
            Some(wire::model_server_config::Config::ModelConfigList(list)) => list,
            Some(wire::model_server_config::Config::CustomModelConfig(_)) => {
                let text = "custom_model_config is not supported, expected model_config_list";
                return Err(ServiceError::new(ErrorCode::Unimplemented, text));
            }
            None => return Err(ServiceError::invalid_argument("ServerCore must have a model config list")),
        };
        let models = list.config.into_iter().map(model).collect::<Result<_, _>>()?;
        self.manager().reconfigure(models).await
    }
}

fn model(message: wire::ModelConfig) -> Result<ModelConfig, ServiceError> {
    let name = shown(&message.name).into_owned();
    if !["", "tensorflow", "onnx"].contains(&message.model_platform.as_str()) {
        let platform = shown(&message.model_platform);
        let text = format!("model {name} has the platform {platform}, expected tensorflow or none");
        return Err(ServiceError::invalid_argument(text));
    }
    if message.logging_config.is_some() {
        let text = format!("logging_config of model {name} is not supported");
        return Err(ServiceError::new(ErrorCode::Unimplemented, text));
    }
    let version = |version: i64| {
        u64::try_from(version).map_err(|_| {
            ServiceError::invalid_argument(format!("model {name} has version {version}, expected at least 0"))
        })
    };
    let policy =
        match message.model_version_policy.and_then(|policy: ServableVersionPolicy| policy.policy_choice) {
            None => VersionPolicy::default(),
            Some(PolicyChoice::Latest(latest)) => VersionPolicy::Latest(latest.num_versions as usize),
            Some(PolicyChoice::All(_)) => VersionPolicy::All,
            Some(PolicyChoice::Specific(specific)) => {
                let versions = specific.versions.into_iter().map(version);
                VersionPolicy::Specific(versions.collect::<Result<BTreeSet<_>, _>>()?)
            }
        };
    let labels = message.version_labels.into_iter().map(|(label, number)| Ok((label, version(number)?)));
    let labels = labels.collect::<Result<BTreeMap<_, _>, ServiceError>>()?;
    Ok(ModelConfig { name: message.name, base_path: message.base_path.into(), policy, labels })
}
