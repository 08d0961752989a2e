//! Protobuf's text format, read without a schema: the configuration files of TensorFlow Serving and Triton.
//!
//! [`parse`] makes a tree of fields with their places in the text; a [`Fields`] gives them out by name and type, and
//! refuses what nobody asked for, with the nearest name that somebody would have.
//!
//! All legal spellings are read: `a { }` and `a: { }` and `a < >`, lists in brackets, commas and semicolons between
//! fields, single and double quotes with every escape, strings in pieces, `#` comments, decimal, octal and hexadecimal
//! integers, floats with `f`, `inf` and `nan`. Extensions and `Any` values in brackets are refused. See
//! <https://protobuf.dev/reference/protobuf/textformat-spec/>.
//!
//! ```
//! let text = "model_config_list { config: { name: 'half' 'plus' base_path: \"/models\" } }";
//! let message = wharf_textproto::parse(text)?;
//! let mut root = message.fields("ModelServerConfig");
//! let list = root.message("model_config_list")?.unwrap();
//! root.finish()?;
//! let mut list = list.fields("ModelConfigList");
//! let config = list.messages("config")?.remove(0);
//! let mut config = config.fields("ModelConfig");
//! assert_eq!(config.string("name")?.as_deref(), Some("halfplus"));
//! assert_eq!(config.finish().unwrap_err().to_string(), "1:51: unknown field `base_path` in ModelConfig, expected `name`");
//! # Ok::<(), wharf_textproto::TextError>(())
//! ```

mod error;
mod fields;
mod lexer;
mod parser;
mod tree;

#[cfg(test)]
mod tests;

pub use error::{Position, TextError};
pub use fields::Fields;
pub use parser::{MAX_BYTES, MAX_DEPTH, parse};
pub use tree::{Field, Message, Scalar, Value};
