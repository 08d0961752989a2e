//! `wharf data`: get data sets, and pictures out of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use image::{ExtendedColorType, ImageFormat};
use wharf_data::fetch::{FetchFrom, FetchOrigin, FetchProgress, KnownDataset, fetch};
use wharf_data::{Dataset, OpenOptions, Part, open_dataset};
use wharf_table::{CsvOptions, profile};
use wharf_transform::{Pixels, Source};

use crate::cli::DataCommand;
use crate::progress::DownloadProgress;
use crate::{say, whole_file};

/// Runs one of the subcommands.
pub(crate) fn run(command: DataCommand) -> anyhow::Result<()> {
    match command {
        DataCommand::Inspect { path, target, html, json } => {
            inspect(&path, target.as_deref(), html.as_deref(), json)
        }
        DataCommand::Fetch { dataset, from, into } => fetch_dataset(&dataset, from.as_deref(), &into),
        DataCommand::Sample { path, into, count } => sample(&path, &into, count),
    }
}

fn inspect(path: &Path, target: Option<&str>, html: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let table = wharf_table::read_table(path, &CsvOptions::default())?;
    let profile = profile::profile(&table, target)?;
    if json {
        say(serde_json::to_string_pretty(&profile)?);
        return Ok(());
    }
    say(profile::text(&profile).trim_end());
    if let Some(file) = html {
        let title = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        whole_file::write(file, profile::html(&profile, &title).as_bytes())?;
        say(format!("page {}", file.display()));
    }
    Ok(())
}

fn fetch_dataset(name: &str, from: Option<&str>, into: &Path) -> anyhow::Result<()> {
    let Some(dataset) = KnownDataset::from_name(name) else {
        let known: Vec<_> = KnownDataset::ALL.iter().map(|dataset| dataset.name()).collect();
        bail!("there is no data set `{name}`, expected one of {}", known.join(", "));
    };
    let from = from.map_or_else(FetchFrom::default, FetchFrom::parse);
    let folder = into.join(dataset.name());
    let mut progress = DownloadProgress::new();
    let files = fetch(dataset, &from, &folder, &mut |step: FetchProgress<'_>| {
        let verb = match step.origin {
            FetchOrigin::Present => "have",
            FetchOrigin::Folder => "copy",
            FetchOrigin::Network => "download",
        };
        progress.show(step.file, verb, step.done_bytes, step.total_bytes);
    });
    progress.finish();
    say(format!("{name}: {} files in {}, all hashes match", files?.len(), folder.display()));
    Ok(())
}

/// Writes `count` pictures of the test part, spread evenly, as PNG files that a model has not been trained on.
fn sample(path: &Path, into: &Path, count: usize) -> anyhow::Result<()> {
    ensure!(count > 0, "--count is 0, expected at least 1");
    let dataset = open_dataset(path, Part::Test, &OpenOptions::default())?;
    std::fs::create_dir_all(into).with_context(|| format!("cannot make folder `{}`", into.display()))?;
    let count = count.min(dataset.num_pictures());
    for number in 0..count {
        let index = number * dataset.num_pictures() / count;
        say(write_picture(&dataset, index, into)?.display().to_string());
    }
    Ok(())
}

fn write_picture(dataset: &Dataset, index: usize, into: &Path) -> anyhow::Result<PathBuf> {
    let class = dataset.labels().get(index).and_then(|&label| dataset.class_names().get(label as usize));
    let file = into.join(format!("{index}-{}.png", slug(class.map_or("unknown", String::as_str))));
    let mut buffer = Vec::new();
    match dataset.picture(index, &mut buffer)? {
        Source::Encoded(bytes) => image::load_from_memory(bytes)
            .with_context(|| format!("cannot decode `{}`", dataset.picture_name(index)))?
            .save_with_format(&file, ImageFormat::Png)?,
        Source::Picture(picture) => {
            let shape = picture.shape();
            let Pixels::U8(pixels) = picture.pixels() else { bail!("picture {index} has no 8-bit pixels") };
            let colour = match shape.channels() {
                1 => ExtendedColorType::L8,
                3 => ExtendedColorType::Rgb8,
                channels => bail!("picture {index} has {channels} channels, expected 1 or 3"),
            };
            let (width, height) = (u32::try_from(shape.width())?, u32::try_from(shape.height())?);
            image::save_buffer_with_format(&file, pixels, width, height, colour, ImageFormat::Png)?;
        }
    }
    Ok(file)
}

/// `T-shirt/top` becomes `t-shirt-top`: fit for a file name.
fn slug(class: &str) -> String {
    let keep = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    class.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_become_file_names() {
        assert_eq!(slug("T-shirt/top"), "t-shirt-top");
        assert_eq!(slug("../x"), "---x");
    }
}
