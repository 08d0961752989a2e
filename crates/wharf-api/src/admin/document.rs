//! Traffic as JSON.

use std::time::Duration;

use serde_json::{Map, Value, json};
use wharf_infer::ServiceError;
use wharf_serve::{RollbackBounds, Shadow, ShadowReport, Traffic, TrafficReport, VersionTraffic};

use super::fields::Fields;

/// Versions that may share the requests of a model.
const MAX_VERSIONS: usize = 64;
/// Requests per judgement where none are said.
const DEFAULT_WINDOW: u64 = 100;
const MAX_WINDOW: u64 = 1_000_000;
/// A day: longer than anybody waits.
const MAX_MILLIS: f64 = 86_400_000.0;

/// Reads what is put.
///
/// # Errors
/// A field is missing, wrong or not known: it is named.
pub(super) fn read(mut fields: Fields) -> Result<Traffic, ServiceError> {
    let mut traffic = Traffic::default();
    let Some(weights) = fields.object("weights")? else {
        return Err(fields.refused("weights", "is missing, expected an object of versions and their parts"));
    };
    for (version, weight) in read_weights(weights)? {
        traffic = traffic.with_weight(version, weight);
    }
    if let Some(header) = fields.text("sticky_header")? {
        traffic = traffic.with_sticky_header(header.to_ascii_lowercase());
    }
    if let Some(shadow) = fields.object("shadow")? {
        traffic = traffic.with_shadow(read_shadow(shadow)?);
    }
    if let Some(bounds) = fields.object("rollback")? {
        traffic = traffic.with_rollback(read_bounds(bounds)?);
    }
    fields.finish()?;
    Ok(traffic)
}

fn read_weights(mut fields: Fields) -> Result<Vec<(u64, u32)>, ServiceError> {
    let names = fields.names();
    if names.len() > MAX_VERSIONS {
        let text = format!("field `weights` has {} versions, expected at most {MAX_VERSIONS}", names.len());
        return Err(ServiceError::invalid_argument(text));
    }
    let weight = |name: &String| {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_digit()) && !name.starts_with('0');
        let version =
            name.parse().ok().filter(|_| is_plain).filter(|version| i64::try_from(*version).is_ok());
        let Some(version) = version else {
            return Err(fields.refused(name, "is no version, expected a number from 1"));
        };
        let weight =
            fields.integer(name, (0, u32::MAX.into()))?.and_then(|weight| u32::try_from(weight).ok());
        Ok((version, weight.ok_or_else(|| fields.refused(name, "is null, expected a whole number"))?))
    };
    names.iter().map(weight).collect()
}

fn read_shadow(mut fields: Fields) -> Result<Shadow, ServiceError> {
    let version = fields.version("version")?;
    let version = version.ok_or_else(|| fields.refused("version", "is missing, expected a number from 1"))?;
    let share = fields.number("share", (0.0, 1.0))?.unwrap_or(1.0);
    let absolute = fields.number("absolute_tolerance", (0.0, f64::MAX))?.unwrap_or(0.0);
    let relative = fields.number("relative_tolerance", (0.0, f64::MAX))?.unwrap_or(0.0);
    fields.finish()?;
    Ok(Shadow::new(version).with_share(share).with_tolerance(absolute, relative))
}

fn read_bounds(mut fields: Fields) -> Result<RollbackBounds, ServiceError> {
    let rate = fields.number("max_error_rate", (0.0, 1.0))?;
    let p99 = fields.number("max_p99_ms", (0.001, MAX_MILLIS))?;
    if rate.is_none() && p99.is_none() {
        return Err(ServiceError::invalid_argument(
            "field `rollback` has no bound, expected `max_error_rate`, `max_p99_ms` or both",
        ));
    }
    let window = fields.integer("window", (1, MAX_WINDOW))?.unwrap_or(DEFAULT_WINDOW);
    fields.finish()?;
    let bounds = RollbackBounds::new(window, rate.unwrap_or(1.0));
    Ok(match p99 {
        None => bounds,
        Some(millis) => bounds.with_max_p99(Duration::from_secs_f64(millis / 1000.0)),
    })
}

/// What is said of a model: what was put, under `traffic`, and what came of it.
pub(super) fn write(name: &str, report: &TrafficReport) -> Value {
    json!({
        "model": name,
        "traffic": report.traffic.as_ref().map(write_traffic),
        "shadow_results": report.shadow.as_ref().map(write_results),
        "versions": report.versions.iter().map(write_version).collect::<Vec<_>>(),
    })
}

fn write_traffic(traffic: &Traffic) -> Value {
    let weights: Map<String, Value> =
        traffic.weights.iter().map(|(version, weight)| (version.to_string(), json!(weight))).collect();
    json!({
        "weights": weights,
        "sticky_header": traffic.sticky_header,
        "shadow": traffic.shadow.map(write_shadow),
        "rollback": traffic.rollback.map(write_bounds),
    })
}

fn write_shadow(shadow: Shadow) -> Value {
    json!({
        "version": shadow.version,
        "share": shadow.share,
        "absolute_tolerance": shadow.absolute_tolerance,
        "relative_tolerance": shadow.relative_tolerance,
    })
}

fn write_results(report: &ShadowReport) -> Value {
    json!({
        "same": report.same,
        "close": report.close,
        "different": report.different,
        "failed": report.failed,
        "dropped": report.dropped,
        "widest_difference": report.widest_difference,
        "last_difference": report.last_difference,
    })
}

fn write_bounds(bounds: RollbackBounds) -> Value {
    json!({
        "max_error_rate": bounds.max_error_rate,
        "max_p99_ms": bounds.max_p99.map(millis),
        "window": bounds.window,
    })
}

fn write_version(version: &VersionTraffic) -> Value {
    json!({
        "version": version.version,
        "state": version.state.name(),
        "weight": version.weight,
        "rolled_back": version.is_rolled_back,
        "error": version.error,
        "requests": version.requests,
        "failures": version.failures,
        "p99_ms": version.p99.map(millis),
    })
}

/// To the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Traffic, String> {
        let read = Fields::parse(text.as_bytes()).and_then(read);
        read.map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_written_can_be_read() {
        let bounds = RollbackBounds::new(50, 0.05).with_max_p99(Duration::from_micros(12_500));
        for traffic in [
            Traffic::default().with_weight(3, 90).with_weight(4, 10),
            Traffic::default().with_weight(1, 0).with_weight(7, u32::MAX).with_rollback(bounds),
            Traffic::default()
                .with_weight(1, 1)
                .with_sticky_header("x-user")
                .with_shadow(Shadow::new(2).with_share(0.25).with_tolerance(1e-3, 1e-5)),
        ] {
            assert_eq!(parsed(&write_traffic(&traffic).to_string()), Ok(traffic));
        }
    }

    #[test]
    fn bad_fields_are_named() {
        for (body, expected) in [
            ("", "field `weights` is missing, expected an object of versions and their parts"),
            ("[]", "the request JSON is a list, expected an object"),
            (r#"{"weights": 3}"#, "field `weights` is 3, expected an object"),
            (r#"{"weights": {"x": 1}}"#, "field `weights.x` is no version, expected a number from 1"),
            (r#"{"weights": {"01": 1}}"#, "field `weights.01` is no version, expected a number from 1"),
            (
                r#"{"weights": {"9223372036854775808": 1}}"#,
                "field `weights.9223372036854775808` is no version, expected a number from 1",
            ),
            (
                r#"{"weights": {"1": -1}}"#,
                "field `weights.1` is -1, expected a whole number from 0 to 4294967295",
            ),
            (
                r#"{"weights": {"1": "9"}}"#,
                "field `weights.1` is a string, expected a whole number from 0 to 4294967295",
            ),
            (r#"{"weights": {"1": null}}"#, "field `weights.1` is null, expected a whole number"),
            (r#"{"weights": {"1": 1}, "sticky": "x"}"#, "field `sticky` is not known"),
            (r#"{"weights": {"1": 1}, "sticky_header": 7}"#, "field `sticky_header` is 7, expected a string"),
            (
                r#"{"weights": {"1": 1}, "shadow": {"share": 1}}"#,
                "field `shadow.version` is missing, expected a number from 1",
            ),
            (
                r#"{"weights": {"1": 1}, "shadow": {"version": 2, "share": -1}}"#,
                "field `shadow.share` is -1, expected a number from 0 to 1",
            ),
            (
                r#"{"weights": {"1": 1}, "shadow": {"version": 2, "tolerance": 1}}"#,
                "field `shadow.tolerance` is not known",
            ),
            (
                r#"{"weights": {"1": 1}, "rollback": {}}"#,
                "field `rollback` has no bound, expected `max_error_rate`, `max_p99_ms` or both",
            ),
            (
                r#"{"weights": {"1": 1}, "rollback": {"max_error_rate": 2}}"#,
                "field `rollback.max_error_rate` is 2, expected a number from 0 to 1",
            ),
            (
                r#"{"weights": {"1": 1}, "rollback": {"max_p99_ms": 5, "window": 0}}"#,
                "field `rollback.window` is 0, expected a whole number from 1 to 1000000",
            ),
            (
                r#"{"weights": {"1": 1}, "rollback": {"max_p99_ms": 5, "p50": 0}}"#,
                "field `rollback.p50` is not known",
            ),
        ] {
            assert_eq!(parsed(body), Err(expected.to_owned()), "{body}");
        }
        let many: Map<String, Value> = (1..=65).map(|version: u64| (version.to_string(), json!(1))).collect();
        let error = parsed(&json!({"weights": many}).to_string()).unwrap_err();
        assert_eq!(error, "field `weights` has 65 versions, expected at most 64");
    }
}
