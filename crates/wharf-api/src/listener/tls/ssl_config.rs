//! TensorFlow Serving's `SSLConfig`: keys and certificates as strings of one text.

use std::path::Path;

use wharf_textproto::{Fields, TextError, parse};

use super::TlsError;
use super::files::{Material, Pem};

/// The message's full name, as errors of TensorFlow Serving have it.
const SSL_CONFIG: &str = "tensorflow.serving.SSLConfig";

/// The keys and certificates that `bytes`, the contents of `file`, hold.
///
/// # Errors
/// The text is not in the format, or has no key or no certificate.
pub(super) fn material(file: &Path, bytes: &[u8]) -> Result<Material, TlsError> {
    let place = file.display();
    let failure =
        |error: TextError| TlsError::new(format!("Error parsing text-format {SSL_CONFIG}: {place}:{error}"));
    let text =
        str::from_utf8(bytes).map_err(|error| TlsError::caused(format!("`{place}` is no text"), error))?;
    let message = parse(text).map_err(failure)?;
    let mut fields = message.fields("SSLConfig");
    read(&mut fields, file).and_then(|material| fields.finish().map(|()| material)).map_err(failure)
}

fn read(fields: &mut Fields<'_>, file: &Path) -> Result<Material, TextError> {
    let key = required(fields, "server_key", file)?;
    let certificate = required(fields, "server_cert", file)?;
    let authorities = optional(fields, "custom_ca", file)?;
    let client_ca = match (fields.bool("client_verify")?.unwrap_or_default(), authorities) {
        (true, None) => {
            let problem = "`client_verify` needs `custom_ca`, the authorities that clients are known to";
            return Err(TextError::new(fields.position("client_verify"), problem));
        }
        (false, Some(_)) => {
            let problem =
                "`custom_ca` is there and `client_verify` is not: no client would be asked for a certificate";
            return Err(TextError::new(fields.position("custom_ca"), problem));
        }
        (_, authorities) => authorities,
    };
    Ok(Material { certificate, key, client_ca })
}

fn required(fields: &mut Fields<'_>, name: &'static str, file: &Path) -> Result<Pem, TextError> {
    let pem = optional(fields, name, file)?;
    pem.ok_or_else(|| TextError::new(fields.position(name), format!("there is no `{name}`")))
}

fn optional(fields: &mut Fields<'_>, name: &'static str, file: &Path) -> Result<Option<Pem>, TextError> {
    let text = fields.string(name)?.filter(|text| !text.is_empty());
    Ok(text.map(|text| Pem { bytes: text.into_bytes(), place: format!("{}: {name}", file.display()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<String> {
        material(Path::new("ssl.txt"), text.as_bytes()).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let begin = "Error parsing text-format tensorflow.serving.SSLConfig: ssl.txt:";
        for (text, expected) in [
            ("server_cert: 'c'", "1:1: there is no `server_key`"),
            ("server_key: 'k'", "1:1: there is no `server_cert`"),
            (
                "server_key: 'k' server_cert: 'c' client_verify: true",
                "1:34: `client_verify` needs `custom_ca`",
            ),
            ("server_key: 'k' server_cert: 'c' custom_ca: 'a'", "1:34: `custom_ca` is there and"),
            ("server_key: 'k' server_crt: 'c' server_cert: 'd'", "did you mean `server_cert`?"),
        ] {
            let error = problem(text).unwrap_or_default();
            assert!(error.starts_with(begin) && error.contains(expected), "{text}: {error}");
        }
        assert_eq!(problem("server_key: 'k' server_cert: 'c' custom_ca: 'a' client_verify: true"), None);
    }
}
