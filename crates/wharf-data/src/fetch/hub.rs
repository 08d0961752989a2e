//! Addresses of models: files, addresses, and repositories of the hub that Hugging Face keeps.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;
use ureq::http::Method;

use super::remote::RemoteFile;
use super::web::{Access, Client, Follow, network};
use crate::DataError;

/// How the hub's addresses begin.
const HUB_PREFIXES: [&str; 4] = ["hf.co/", "huggingface.co/", "https://hf.co/", "https://huggingface.co/"];
const SCHEME: &str = "hf://";
/// The quantisation that is taken where a repository has several and nobody says which.
const USUAL: &str = "Q4_K_M";
/// Bytes that the hub's list of a repository's files may have.
const MOST_LIST_BYTES: u64 = 8 << 20;
/// File names that a message repeats.
const MOST_SHOWN: usize = 20;
const SUFFIX: &str = ".gguf";

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelAddress {
    /// A file of this machine.
    File(PathBuf),
    /// A file anywhere.
    Url(String),
    /// A file of a repository of the hub.
    Hub(HubModel),
}

/// A model of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    owner: String,
    repository: String,
    wanted: Wanted,
}

/// Which file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    File(String),
    Quantization(Option<String>),
}

/// The hub, or a mirror of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hub {
    /// Its address, `https://huggingface.co`.
    pub endpoint: String,
    /// What opens repositories that are not for everybody.
    pub token: Option<String>,
}

impl FromStr for ModelAddress {
    type Err = DataError;

    /// `hf.co/OWNER/REPO[:QUANT]`, `hf://OWNER/REPO/FILE.gguf`, an address, or a file.
    fn from_str(text: &str) -> Result<Self, DataError> {
        if let Some(rest) = text.strip_prefix(SCHEME) {
            return HubModel::parse(rest).map(Self::Hub);
        }
        let of_hub = HUB_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
        // One that names the file itself in the hub's own way is an address as any other.
        if let Some(rest) = of_hub.filter(|rest| !rest.contains("/resolve/") && !rest.contains("/blob/")) {
            return HubModel::parse(rest).map(Self::Hub);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::Url(text.to_owned()));
        }
        match text.contains("://") {
            true => Err(DataError::setting(format!(
                "`{text}` is no address of a model, expected a file, `https://`, `http://`, `hf://` or `hf.co/`"
            ))),
            false => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl ModelAddress {
    /// The name that a model has which is got from here, unless it is given another.
    pub fn model_name(&self) -> String {
        let stem = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or_default();
            file.split(['?', '#']).next().unwrap_or_default().trim_end_matches(SUFFIX).to_owned()
        };
        match self {
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Url(url) => stem(url),
            Self::Hub(HubModel { repository, .. }) => {
                let short =
                    ["-GGUF", "-gguf", "_GGUF", "_gguf"].iter().find_map(|end| repository.strip_suffix(end));
                short.filter(|short| !short.is_empty()).unwrap_or(repository).to_owned()
            }
        }
    }
}

impl HubModel {
    fn parse(text: &str) -> Result<Self, DataError> {
        let wrong = || {
            DataError::setting(format!(
                "`{text}` is no model of the hub, expected `OWNER/REPO`, `OWNER/REPO:QUANT` or `OWNER/REPO/FILE.gguf`"
            ))
        };
        let (path, quantization) = match text.rsplit_once(':') {
            Some((path, quantization)) => (path, Some(quantization)),
            None => (text, None),
        };
        let mut parts = path.splitn(3, '/');
        let (owner, repository) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let file = parts.next();
        let names = [Some(owner), Some(repository), quantization].into_iter().flatten();
        let steps = file.into_iter().flat_map(|file| file.split('/'));
        if !names.chain(steps).all(is_name) {
            return Err(wrong());
        }
        let wanted = match (file, quantization) {
            (Some(file), None) if file.ends_with(SUFFIX) => Wanted::File(file.to_owned()),
            (None, quantization) => {
                // `latest` is what clients say who want nothing in particular.
                let named = quantization.filter(|name| *name != "latest");
                Wanted::Quantization(named.map(str::to_owned))
            }
            _ => return Err(wrong()),
        };
        Ok(Self { owner: owner.to_owned(), repository: repository.to_owned(), wanted })
    }

    /// The file itself: asks the hub which files there are where the address leaves that open.
    ///
    /// # Errors
    /// The hub may not be asked, has no such repository, or that has no such file, several of them, or one that is in
    /// parts.
    pub fn resolve(&self, hub: &Hub, access: &Access) -> Result<RemoteFile, DataError> {
        let (revision, file) = match &self.wanted {
            Wanted::File(file) => ("main".to_owned(), file.clone()),
            Wanted::Quantization(wanted) => {
                let (revision, files) = self.list(hub, access)?;
                let file = choose(&self.to_string(), &files, wanted.as_deref())?;
                (revision, file)
            }
        };
        let Self { owner, repository, .. } = self;
        let url = format!("{}/{owner}/{repository}/resolve/{revision}/{file}", hub.base());
        Ok(RemoteFile::new(url).with_token(hub.token.clone()))
    }

    /// The commit that is the newest now, and its files.
    fn list(&self, hub: &Hub, access: &Access) -> Result<(String, Vec<String>), DataError> {
        let url = format!("{}/api/models/{}/{}", hub.base(), self.owner, self.repository);
        let client = Client::new(access, hub.token.as_deref());
        let response = client.ask((&Method::GET, &url), &[], Follow::Everywhere)?;
        let mut text = Vec::new();
        let body = response.into_body().into_reader();
        let read = body.take(MOST_LIST_BYTES + 1).read_to_end(&mut text);
        read.map_err(|error| network(&url, &error.to_string()).with_source(error))?;
        let document: Value = match text.len() as u64 > MOST_LIST_BYTES {
            true => return Err(network(&url, &format!("the list has more than {MOST_LIST_BYTES} bytes"))),
            false => serde_json::from_slice(&text)
                .map_err(|error| network(&url, &format!("the list of files is no JSON: {error}")))?,
        };
        let siblings = document["siblings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let files = siblings.iter().filter_map(|sibling| sibling["rfilename"].as_str());
        // What is no plain name must not become an address.
        let files = files.filter(|file| file.split('/').all(is_name)).map(str::to_owned).collect();
        let revision = document["sha"].as_str().filter(|sha| is_name(sha)).unwrap_or("main");
        Ok((revision.to_owned(), files))
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.repository)
    }
}

impl Hub {
    /// The hub at `endpoint`.
    pub fn new(endpoint: impl Into<String>, token: Option<String>) -> Self {
        Self { endpoint: endpoint.into(), token }
    }

    fn base(&self) -> &str {
        self.endpoint.trim_end_matches('/')
    }
}

/// A step of a path that leads nowhere else.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(is_plain)
        && !name.bytes().all(|byte| byte == b'.')
}

/// The one file that is meant.
fn choose(repository: &str, files: &[String], wanted: Option<&str>) -> Result<String, DataError> {
    // Parts for pictures stand beside the model itself.
    let is_model = |file: &&String| file.ends_with(SUFFIX) && !file.contains("mmproj");
    let models: Vec<&String> = files.iter().filter(is_model).collect();
    let named =
        |name: &str| -> Vec<&String> { models.iter().copied().filter(|file| has_word(file, name)).collect() };
    let found = match wanted {
        Some(name) => named(name),
        None if models.len() > 1 => named(USUAL),
        None => models.clone(),
    };
    let list = |files: &[&String]| {
        let shown: Vec<String> = files.iter().take(MOST_SHOWN).map(|file| format!("`{file}`")).collect();
        if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
    };
    match found[..] {
        [file] if is_part(file) => Err(DataError::setting(format!(
            "`{file}` of `{repository}` is one of several parts of a model, expected a model in one file"
        ))),
        [file] => Ok(file.clone()),
        [] => {
            let wanted = wanted.map_or_else(|| "one model".to_owned(), |name| format!("one named `{name}`"));
            Err(DataError::missing(format!(
                "`{repository}` has {} as models, expected {wanted}",
                list(&models)
            )))
        }
        _ => Err(DataError::setting(format!(
            "`{repository}` has several models that are meant, {}, expected the name of one: `hf://{repository}/FILE.gguf`",
            list(&found)
        ))),
    }
}

/// Whether a path has `word` in it, in whatever case, with something else than letters and digits on both sides.
fn has_word(path: &str, word: &str) -> bool {
    let (path, word) = (path.to_ascii_lowercase(), word.to_ascii_lowercase());
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b'-' | b'.' | b'/'));
    path.match_indices(&word).any(|(place, _)| {
        let bytes = path.as_bytes();
        let before = place.checked_sub(1).and_then(|before| bytes.get(before));
        // `UD-Q4_K_M` and `model_Q4_K_M` are that quantisation; `IQ4_K_M` is not.
        (ends(before) || before == Some(&b'_')) && ends(bytes.get(place + word.len()))
    })
}

/// Whether a file is `...-00001-of-00003.gguf`.
fn is_part(file: &str) -> bool {
    let stem = file.trim_end_matches(SUFFIX);
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    stem.rsplit_once("-of-").is_some_and(|(before, count)| {
        digits(count) && before.rsplit_once('-').is_some_and(|(_, number)| digits(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(text: &str) -> (String, Wanted) {
        match text.parse().unwrap() {
            ModelAddress::Hub(model) => (model.to_string(), model.wanted),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        let any = || ("a/b-GGUF".to_owned(), Wanted::Quantization(None));
        for text in [
            "hf.co/a/b-GGUF",
            "huggingface.co/a/b-GGUF",
            "https://hf.co/a/b-GGUF",
            "hf://a/b-GGUF",
            "hf.co/a/b-GGUF:latest",
        ] {
            assert_eq!(hub(text), any(), "{text}");
        }
        assert_eq!(hub("hf.co/a/b:Q8_0"), ("a/b".to_owned(), Wanted::Quantization(Some("Q8_0".to_owned()))));
        assert_eq!(hub("hf://a/b/c/d.gguf"), ("a/b".to_owned(), Wanted::File("c/d.gguf".to_owned())));
        for text in
            ["https://x.example/a.gguf", "https://huggingface.co/a/b/resolve/main/c.gguf?download=true"]
        {
            assert_eq!(text.parse::<ModelAddress>().unwrap(), ModelAddress::Url(text.to_owned()));
        }
        assert_eq!("a/b.gguf".parse::<ModelAddress>().unwrap(), ModelAddress::File("a/b.gguf".into()));
        for text in [
            "hf://",
            "hf://a",
            "hf://a/",
            "hf://../b",
            "hf://a/..",
            "hf://a/b/../c.gguf",
            "hf://a/b/c.bin",
            "hf://a/b/c.gguf:Q8_0",
            "hf.co/a/b:",
            "hf.co/a/b?x",
            "hf.co/a b/c",
            "hf.co/a/b%2e%2e",
            "file:///etc/passwd",
            "gopher://x",
            "s3://x/y",
        ] {
            assert!(text.parse::<ModelAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn models_are_named_after_where_they_are() {
        for (text, name) in [
            ("hf.co/a/Smol-135M-GGUF:Q8_0", "Smol-135M"),
            ("hf.co/a/b", "b"),
            ("https://x.example/y/tiny.gguf?download=true", "tiny"),
            ("folder/tiny.gguf", "tiny"),
        ] {
            assert_eq!(text.parse::<ModelAddress>().unwrap().model_name(), name);
        }
    }

    #[test]
    fn the_file_that_is_meant_is_chosen() {
        let files: Vec<String> = [
            "README.md",
            "m-Q4_K_M.gguf",
            "m-IQ4_K_M.gguf",
            "m.Q8_0.gguf",
            "m_q5_0.gguf",
            "F16/m.gguf",
            "mmproj-Q8_0.gguf",
            "big-Q6_K-00001-of-00002.gguf",
        ]
        .map(str::to_owned)
        .into();
        let choose = |wanted| choose("a/b", &files, wanted).map_err(|error| error.to_string());
        for (wanted, file) in [
            (None, "m-Q4_K_M.gguf"),
            (Some("q4_k_m"), "m-Q4_K_M.gguf"),
            (Some("Q8_0"), "m.Q8_0.gguf"),
            (Some("Q5_0"), "m_q5_0.gguf"),
            (Some("f16"), "F16/m.gguf"),
        ] {
            assert_eq!(choose(wanted).unwrap(), file);
        }
        assert!(choose(Some("Q2_K")).unwrap_err().contains("expected one named `Q2_K`"));
        assert!(choose(Some("Q6_K")).unwrap_err().contains("several parts"));
        let two = ["a.gguf", "b.gguf"].map(str::to_owned);
        assert!(super::choose("a/b", &two, None).is_err());
        assert_eq!(super::choose("a/b", &two[..1], None).unwrap(), "a.gguf");
    }
}
