//! Log settings as messages.

use wharf_infer::ServiceError;

use super::super::log_settings::{Setting, Settings};
use super::super::shown;
use crate::proto::inference as wire;
use wire::log_settings_request::setting_value::ParameterChoice as Asked;
use wire::log_settings_response::SettingValue;
use wire::log_settings_response::setting_value::ParameterChoice;

/// What a client wants to change.
///
/// # Errors
/// A setting has no value.
pub(super) fn decode(message: wire::LogSettingsRequest) -> Result<Settings, ServiceError> {
    let settings = message.settings.into_iter().map(|(name, value)| match value.parameter_choice {
        Some(Asked::BoolParam(value)) => Ok((name, Setting::Bool(value))),
        Some(Asked::Uint32Param(value)) => Ok((name, Setting::Uint(value))),
        Some(Asked::StringParam(value)) => Ok((name, Setting::String(value))),
        None => {
            let text = format!("log setting '{}' has no value", shown(&name));
            Err(ServiceError::invalid_argument(text))
        }
    });
    settings.collect()
}

/// What holds.
pub(super) fn encode(settings: Settings) -> wire::LogSettingsResponse {
    let value = |setting| match setting {
        Setting::Bool(value) => ParameterChoice::BoolParam(value),
        Setting::Uint(value) => ParameterChoice::Uint32Param(value),
        Setting::String(value) => ParameterChoice::StringParam(value),
    };
    let setting = |setting| SettingValue { parameter_choice: Some(value(setting)) };
    wire::LogSettingsResponse {
        settings: settings.into_iter().map(|(name, value)| (name, setting(value))).collect(),
    }
}
