//! Hostile requests against the real server, with a well-behaved client beside them.
//!
//! A row of a `*.toml` file here is something that a client sends and what must come back; `row.rs` says how one is
//! written. Adding a row needs no code. All rows of a file are played twice against one server: the first round
//! warms what they touch, and after the second the oracle looks whether the server is as it was (`oracle.rs`).
//! `WHARF_SOAK=1` breaks bytes many more times.
//!
//! These are tests of the binary's own crate so that Cargo builds the binary they start, always from these sources;
//! a crate of its own would test whatever binary lies there. `WHARF_BIN` names another one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod bytes;
mod canary;
mod changes;
mod descriptors;
mod drain;
mod frames;
mod grpc;
mod http;
mod language;
mod mutate;
mod oracle;
mod play;
#[path = "../common/process.rs"]
mod process;
mod reply;
mod row;
mod server;
mod table;
mod traffic;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_are_refused_soak() {
    play::file("serialisation", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tensors_are_refused_soak() {
    // Few, so that the rows about sequences need not open many to reach it.
    play::file("tensors", &["--max-sequences-per-caller", "500"]).await;
}

/// The model is one that tells stories, in a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_questions_to_language_models_are_answered_or_refused() {
    if let Some(server) = server::Server::start_with_stories(&[]) {
        play::on(server, "language").await;
    }
}

/// The limits are low, so that nothing here takes long to reach them.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_connections_are_survived_soak() {
    let limits = ["--header-timeout", "1", "--idle-timeout", "2", "--write-timeout", "1", "--max-body", "8"];
    play::file("network", &limits).await;
}
