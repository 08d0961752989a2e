//! Chats: messages, templates, tools.
