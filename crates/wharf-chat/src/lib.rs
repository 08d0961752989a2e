//! Chats: messages to a prompt, and what a model answers to text and tool calls.
//!
//! A [`Conversation`] becomes a prompt by the model's own template, in Jinja's notation, or by ChatML where a model
//! brings none. Templates come out of files from the internet, so that they run with bounds on steps, depth and output
//! and reach nothing but what they are given. What callers wrote never turns into control tokens, whatever it
//! contains: [`Rendered`] says of each piece of the prompt whether it is the template's.
//!
//! What a model writes is read by a [`ToolParser`] as it comes: text, and calls of tools, whose arguments go on as they
//! arrive.
//!
//! ```
//! use wharf_chat::{ChatTemplate, Conversation, Message, Role};
//! use wharf_infer::language::LanguageCard;
//!
//! let card = LanguageCard::default();
//! let template = ChatTemplate::of(&card);
//! let chat = Conversation::new(vec![Message::new(Role::User, "hello")]);
//! let prompt = template.render(&chat).unwrap();
//! assert_eq!(prompt.parts[0].text, "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
//! ```

mod builtin;
mod clock;
mod conversation;
mod guard;
mod json;
mod message;
mod template;
mod tool_format;
mod tool_grammar;
mod tool_object;
mod tool_parser;

pub use clock::strftime as utc;
pub use conversation::Conversation;
pub use message::{Message, Role, Tool, ToolCall};
pub use template::{ChatTemplate, Rendered};
pub use tool_format::ToolFormat;
pub use tool_grammar::{ToolChoice, answer_or_calls, tool_constraint};
pub use tool_parser::{Piece, ToolParser};
