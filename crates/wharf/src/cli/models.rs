//! What can be typed after `wharf models`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::RepositoryArg;

#[derive(Subcommand, Debug)]
pub(crate) enum ModelsCommand {
    /// List models and versions
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Show a model's manifest in words
    Show {
        /// `NAME` (the newest version) or `NAME/VERSION`
        model: String,
        /// Print the manifest as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Check every file against its hash and replay the goldens
    Verify {
        /// `NAME` (all its versions) or `NAME/VERSION`; everything if not given
        model: Option<String>,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Remove one version, or with --all every version of a model
    Rm {
        /// `NAME/VERSION`, or `NAME` with --all
        model: String,
        /// Remove every version
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        repository: RepositoryArg,
    },
    /// Show how a server spreads the requests of a model over its versions, or change it
    Traffic(TrafficArgs),
    /// Give all requests of a model to one version, by default the one with the smaller part
    Promote(PromoteArgs),
}

/// A running server.
#[derive(Args, Debug)]
pub(crate) struct ServerArg {
    /// The server's http port (`wharf serve --http-port`)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", env = "WHARF_SERVER")]
    pub(crate) server: String,
}

#[derive(Args, Debug)]
pub(crate) struct TrafficArgs {
    /// The model
    #[arg(value_name = "NAME")]
    pub(crate) model: String,
    /// Parts of the requests by version; what is not said below stays as it is
    #[arg(long, value_name = "VERSION=PART,...", value_parser = parse_weights)]
    pub(crate) weights: Option<Weights>,
    /// Keep requests with the same value of this header, or of this metadata of gRPC, with one version
    #[arg(long, value_name = "HEADER")]
    pub(crate) sticky: Option<String>,
    /// Have this version answer copies of requests too, and count where it answers otherwise
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) shadow: Option<u64>,
    /// Share of the requests to copy, 0 to 1 [default: 1]
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub(crate) shadow_share: Option<f64>,
    /// By how much its numbers may differ [default: 0]
    #[arg(long, value_name = "DIFFERENCE", value_parser = parse_tolerance)]
    pub(crate) shadow_absolute: Option<f64>,
    /// By which part of the number that was answered they may differ beyond that [default: 0]
    #[arg(long, value_name = "PART", value_parser = parse_tolerance)]
    pub(crate) shadow_relative: Option<f64>,
    /// Take its part from a version of which more requests than this share fail, 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub(crate) max_error_rate: Option<f64>,
    /// Take its part from a version of which more than one request in a hundred takes longer
    #[arg(long, value_name = "MS", value_parser = parse_millis)]
    pub(crate) max_p99_ms: Option<f64>,
    /// Judge a version by so many of its requests at a time [default: 100]
    #[arg(long, value_name = "REQUESTS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) window: Option<u64>,
    /// Forget all of this: the newest version gets every request
    #[arg(long, conflicts_with_all = [
        "weights", "sticky", "shadow", "shadow_share", "shadow_absolute", "shadow_relative", "max_error_rate",
        "max_p99_ms", "window",
    ])]
    pub(crate) clear: bool,
    /// Print the server's JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArg,
}

#[derive(Args, Debug)]
pub(crate) struct PromoteArgs {
    /// The model
    #[arg(value_name = "NAME")]
    pub(crate) model: String,
    /// The version that is to have all requests
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) version: Option<u64>,
    /// Print the server's JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArg,
}

/// Parts of the requests by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weights(pub(crate) BTreeMap<u64, u32>);

fn parse_weights(text: &str) -> Result<Weights, String> {
    let expected = || "expected versions and their parts, such as `3=90,4=10`".to_owned();
    let mut weights = BTreeMap::new();
    for part in text.split(',') {
        let (version, weight) = part.split_once('=').ok_or_else(expected)?;
        let version = version.trim().parse().map_err(|_| expected())?;
        let weight = weight.trim().parse().map_err(|_| expected())?;
        if weights.insert(version, weight).is_some() {
            return Err(format!("version {version} has two parts, expected one"));
        }
    }
    Ok(Weights(weights))
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn parse_millis(text: &str) -> Result<f64, String> {
    let millis = text.parse().ok().filter(|millis: &f64| *millis > 0.0 && millis.is_finite());
    millis.ok_or_else(|| "expected a number of milliseconds above 0".to_owned())
}

fn parse_tolerance(text: &str) -> Result<f64, String> {
    let tolerance = text.parse().ok().filter(|tolerance: &f64| *tolerance >= 0.0 && tolerance.is_finite());
    tolerance.ok_or_else(|| "expected a number from 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_versions_and_parts() {
        let good = Weights([(3, 90), (4, 10)].into());
        assert_eq!(parse_weights("3=90,4=10"), Ok(good.clone()));
        assert_eq!(parse_weights("4=10, 3=90"), Ok(good));
        for refused in ["", "3", "3=", "=1", "3=-1", "3=1,", "3=1,3=2", "a=1", "3=1;4=2"] {
            assert!(parse_weights(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn bounds_are_numbers_in_their_range() {
        assert_eq!((parse_share("0.05"), parse_millis("2.5")), (Ok(0.05), Ok(2.5)));
        for refused in ["-0.1", "1.1", "NaN", "x"] {
            assert!(parse_share(refused).is_err(), "{refused}");
        }
        assert_eq!((parse_tolerance("0"), parse_tolerance("1e-5")), (Ok(0.0), Ok(1e-5)));
        for refused in ["-1", "inf", "NaN", "x"] {
            assert!(parse_tolerance(refused).is_err(), "{refused}");
        }
        for refused in ["0", "-1", "inf", "NaN", "x"] {
            assert!(parse_millis(refused).is_err(), "{refused}");
        }
    }
}
