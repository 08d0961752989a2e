//! `wharf models traffic` and `promote`: which versions of a served model get which part of its requests.

use std::future::Future;

use anyhow::{Context, bail};
use hyper::Method;
use serde_json::{Map, Value, json};

use crate::cli::{PromoteArgs, TrafficArgs};
use crate::client::RestClient;
use crate::failure::Hint;
use crate::model_name::ModelName;
use crate::say;
use crate::table::Table;

/// Shows how requests are spread, after changing it where that was asked for.
pub(super) fn run(arguments: &TrafficArgs) -> anyhow::Result<()> {
    let path = format!("{}/traffic", path_of(&arguments.model)?);
    let document = block_on(async {
        let mut client = connect(&arguments.server.server).await?;
        if arguments.clear {
            return client.json(Method::DELETE, &path, None).await;
        }
        let current = client.json(Method::GET, &path, None).await?;
        match changed(arguments, &current["traffic"])? {
            None => Ok(current),
            Some(traffic) => client.json(Method::PUT, &path, Some(&traffic)).await,
        }
    })?;
    show(&document, arguments.json)
}

/// Gives all requests to one version.
pub(super) fn promote(arguments: &PromoteArgs) -> anyhow::Result<()> {
    let path = format!("{}/promote", path_of(&arguments.model)?);
    let body = json!({"version": arguments.version});
    let document = block_on(async {
        let mut client = connect(&arguments.server.server).await?;
        client.json(Method::POST, &path, Some(&body)).await
    })?;
    if !arguments.json {
        say(format!("version {} has all requests of {}", document["promoted"], arguments.model));
    }
    show(&document, arguments.json)
}

fn block_on(work: impl Future<Output = anyhow::Result<Value>>) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work).with_context(|| {
        Hint("`--server` is the http port of a `wharf serve`: 127.0.0.1:8080 unless it was told".to_owned())
    })
}

async fn connect(server: &str) -> anyhow::Result<RestClient> {
    RestClient::connect(server).await
}

fn path_of(model: &str) -> anyhow::Result<String> {
    let name: ModelName = model.parse()?;
    if name.version.is_some() {
        bail!("`{model}` names a version, expected the name of a model alone");
    }
    Ok(format!("/admin/v1/models/{}", name.name))
}

/// What is to be put: what is now, with what was asked for in its place; `None` where nothing was.
fn changed(arguments: &TrafficArgs, current: &Value) -> anyhow::Result<Option<Value>> {
    let mut traffic = current.as_object().cloned().unwrap_or_default();
    let weights = arguments.weights.as_ref().map(|weights| {
        let weights = weights.0.iter().map(|(version, weight)| (version.to_string(), json!(weight)));
        weights.collect::<Map<_, _>>()
    });
    let changes = [
        place(&mut traffic, [("weights", weights.map(Value::from))]),
        place(&mut traffic, [("sticky_header", arguments.sticky.clone().map(Value::from))]),
        place_in(
            &mut traffic,
            "shadow",
            [
                ("version", arguments.shadow.map(Value::from)),
                ("share", arguments.shadow_share.map(Value::from)),
                ("absolute_tolerance", arguments.shadow_absolute.map(Value::from)),
                ("relative_tolerance", arguments.shadow_relative.map(Value::from)),
            ],
        ),
        place_in(
            &mut traffic,
            "rollback",
            [
                ("max_error_rate", arguments.max_error_rate.map(Value::from)),
                ("max_p99_ms", arguments.max_p99_ms.map(Value::from)),
                ("window", arguments.window.map(Value::from)),
            ],
        ),
    ];
    if changes == [false; 4] {
        return Ok(None);
    }
    if !traffic.contains_key("weights") {
        bail!("the requests are not spread over versions yet: give --weights as well");
    }
    Ok(Some(traffic.into()))
}

/// Puts the fields that have a value. Says whether any has.
fn place<const N: usize>(object: &mut Map<String, Value>, fields: [(&str, Option<Value>); N]) -> bool {
    let wanted = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let wanted: Map<String, Value> = wanted.collect();
    let is_any = !wanted.is_empty();
    object.extend(wanted);
    is_any
}

/// The same in the object of a field, which is made where it is not there.
fn place_in<const N: usize>(
    object: &mut Map<String, Value>,
    name: &str,
    fields: [(&str, Option<Value>); N],
) -> bool {
    let mut inner = object.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let is_any = place(&mut inner, fields);
    if is_any {
        object.insert(name.to_owned(), inner.into());
    }
    is_any
}

fn show(document: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(document)?);
        return Ok(());
    }
    say(table(document)?);
    match &document["traffic"] {
        Value::Null => say("requests that name no version go to the newest that answers"),
        traffic => notes(traffic, &document["shadow_results"]).iter().for_each(say),
    }
    Ok(())
}

fn table(document: &Value) -> anyhow::Result<String> {
    let versions = document["versions"].as_array().context("the server's answer has no versions")?;
    let weight = |version: &Value| version["weight"].as_u64().unwrap_or_default();
    let answers = |version: &&Value| version["state"] == "AVAILABLE";
    let total: u64 = versions.iter().filter(answers).map(weight).sum();
    let mut table =
        Table::new(&[">VERSION", "STATE", ">WEIGHT", ">SHARE", ">REQUESTS", ">FAILED", ">P99 MS", "NOTE"]);
    for version in versions {
        let share = match total {
            0 => "-".to_owned(),
            total if answers(&version) => format!("{:.1} %", weight(version) as f64 / total as f64 * 100.0),
            _ => "0.0 %".to_owned(),
        };
        table.row([
            text(&version["version"]),
            text(&version["state"]),
            text(&version["weight"]),
            share,
            text(&version["requests"]),
            text(&version["failures"]),
            version["p99_ms"].as_f64().map_or("-".to_owned(), |millis| format!("{millis:.2}")),
            version["error"].as_str().unwrap_or_default().to_owned(),
        ]);
    }
    Ok(table.render())
}

/// What holds for the versions beside their parts.
fn notes(traffic: &Value, results: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(header) = traffic["sticky_header"].as_str() {
        notes.push(format!("requests with the same `{header}` stay with one version"));
    }
    if traffic["shadow"].is_object() {
        let count = |name: &str| text(&results[name]);
        notes.push(format!(
            "version {} answers copies too: {} the same, {} within the tolerance, {} otherwise, {} failed, {} dropped",
            traffic["shadow"]["version"],
            count("same"),
            count("close"),
            count("different"),
            count("failed"),
            count("dropped"),
        ));
        if let Some(last) = results["last_difference"].as_str() {
            notes.push(format!("the last that differed: {last}"));
        }
    }
    if let Some(bounds) = traffic["rollback"].as_object() {
        let rate = bounds.get("max_error_rate").and_then(Value::as_f64).filter(|rate| *rate < 1.0);
        let rate = rate.map(|rate| format!("more than {} % of them fail", rate * 100.0));
        let p99 = bounds.get("max_p99_ms").and_then(Value::as_f64);
        let p99 = p99.map(|millis| format!("their p99 is over {millis} ms"));
        let bounds_broken: Vec<String> = [rate, p99].into_iter().flatten().collect();
        let window = bounds.get("window").map(text).unwrap_or_default();
        notes.push(format!("rolled back where, of {window} requests, {}", bounds_broken.join(" or ")));
    }
    notes
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        traffic: TrafficArgs,
    }

    fn change(typed: &[&str], current: &Value) -> Option<Value> {
        let command = Command::parse_from(["traffic", "m"].iter().chain(typed));
        changed(&command.traffic, current).unwrap()
    }

    #[test]
    fn what_is_not_said_stays() {
        let current = json!({"weights": {"1": 9}, "rollback": {"max_error_rate": 0.5, "window": 7}});
        assert_eq!(change(&[], &current), None);
        assert_eq!(
            change(&["--weights", "1=5,2=5"], &current),
            Some(json!({"weights": {"1": 5, "2": 5}, "rollback": {"max_error_rate": 0.5, "window": 7}}))
        );
        assert_eq!(
            change(&["--max-p99-ms", "20", "--window", "9"], &current),
            Some(
                json!({"weights": {"1": 9}, "rollback": {"max_error_rate": 0.5, "max_p99_ms": 20.0, "window": 9}})
            )
        );
        assert_eq!(
            change(&["--shadow", "2", "--sticky", "x-user"], &json!({"weights": {"1": 9}, "shadow": null})),
            Some(json!({"weights": {"1": 9}, "sticky_header": "x-user", "shadow": {"version": 2}}))
        );
        assert_eq!(change(&["--weights", "3=1"], &Value::Null), Some(json!({"weights": {"3": 1}})));
        let command = Command::parse_from(["traffic", "m", "--window", "5"]);
        let error = changed(&command.traffic, &Value::Null).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the requests are not spread over versions yet: give --weights as well"
        );
    }

    #[test]
    fn shares_are_of_what_answers() {
        let version = |version: u64, state: &str, weight: u64, error: Option<&str>| {
            json!({"version": version, "state": state, "weight": weight, "requests": 10, "failures": 1,
                   "p99_ms": 1.5, "error": error})
        };
        let document = json!({"versions": [
            version(3, "END", 5, Some("damaged")),
            version(2, "AVAILABLE", 10, None),
            version(1, "AVAILABLE", 30, None),
        ]});
        let expected = "\
VERSION  STATE      WEIGHT   SHARE  REQUESTS  FAILED  P99 MS  NOTE
      3  END             5   0.0 %        10       1    1.50  damaged
      2  AVAILABLE      10  25.0 %        10       1    1.50
      1  AVAILABLE      30  75.0 %        10       1    1.50";
        assert_eq!(table(&document).unwrap(), expected);
        let bounds = json!({"rollback": {"max_error_rate": 0.05, "max_p99_ms": 20.0, "window": 50}});
        assert_eq!(
            notes(&bounds, &Value::Null),
            ["rolled back where, of 50 requests, more than 5 % of them fail or their p99 is over 20 ms"]
        );
        let shadow = json!({"sticky_header": "x-user", "shadow": {"version": 4}});
        let results = json!({"same": 9, "close": 0, "different": 1, "failed": 0, "dropped": 0,
                             "last_difference": "output `y` is 2 at 0, expected 1"});
        assert_eq!(
            notes(&shadow, &results),
            [
                "requests with the same `x-user` stay with one version",
                "version 4 answers copies too: 9 the same, 0 within the tolerance, 1 otherwise, 0 failed, 0 dropped",
                "the last that differed: output `y` is 2 at 0, expected 1",
            ]
        );
    }
}
