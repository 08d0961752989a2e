//! Settings of the command line that replace the recipe's. They are written into the recipe's text, so that the
//! run's own copy says what was really trained, and a resumed run needs no flags.

use anyhow::Context;
use toml_edit::{DocumentMut, Item, Table, value};

use crate::cli::TrainArgs;

/// The recipe with the settings of `arguments`; to the letter as it was if there are none.
pub(super) fn apply(text: &str, arguments: &TrainArgs) -> anyhow::Result<String> {
    let TrainArgs { epochs, seed, name, .. } = arguments;
    if epochs.is_none() && seed.is_none() && name.is_none() {
        return Ok(text.to_owned());
    }
    let mut document: DocumentMut = text.parse().context("the recipe is not TOML")?;
    if let Some(name) = name {
        document["name"] = value(name);
    }
    if let Some(seed) = seed {
        document["seed"] = value(i64::try_from(*seed).context("--seed is above 2^63 - 1")?);
    }
    if let Some(epochs) = epochs {
        let training = document.entry("training").or_insert_with(|| Item::Table(Table::new()));
        training["epochs"] = value(i64::from(*epochs));
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn arguments(flags: &[&str]) -> TrainArgs {
        let cli = Cli::parse_from(["wharf", "train", "r.toml"].iter().chain(flags));
        let Command::Train(arguments) = cli.command else { panic!("not `train`") };
        arguments
    }

    #[test]
    fn flags_replace_settings_and_keep_the_rest() {
        let text = "name = \"a\"\nseed = 1\n\n[training]\nepochs = 9\nbatch = 3 # why\n";
        let changed = apply(text, &arguments(&["--epochs", "2", "--seed", "7", "--name", "b"])).unwrap();
        assert_eq!(changed, "name = \"b\"\nseed = 7\n\n[training]\nepochs = 2\nbatch = 3 # why\n");
    }

    #[test]
    fn no_flags_change_nothing() {
        assert_eq!(apply("not even toml", &arguments(&[])).unwrap(), "not even toml");
    }

    #[test]
    fn a_recipe_without_the_section_gets_it() {
        let changed = apply("name = \"a\"\n", &arguments(&["--epochs", "2"])).unwrap();
        assert!(changed.contains("[training]\nepochs = 2"), "{changed}");
    }
}
