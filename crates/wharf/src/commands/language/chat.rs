//! `wharf chat`: a conversation, line by line.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use super::ask::Model;
use crate::cli::ChatArgs;

/// Talks until the input ends or says `/bye`.
pub(crate) fn run(arguments: ChatArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut model = Model::find(&arguments.ask).await?;
        let mut talk: Vec<Value> = Vec::new();
        greet();
        while let Some(line) = next_line()? {
            match line.trim() {
                "" => {}
                "/bye" => break,
                "/new" => talk.clear(),
                text => {
                    talk.push(json!({"role": "user", "content": text}));
                    let answer = model.answer(&talk).await?;
                    talk.push(json!({"role": "assistant", "content": answer}));
                }
            }
        }
        Ok(())
    })
}

/// Only a person is told how it goes.
fn greet() {
    if std::io::stdin().is_terminal() {
        let mut terminal = std::io::stderr().lock();
        let _gone = writeln!(terminal, "/new begins anew, /bye or the end of the input ends");
    }
}

fn next_line() -> anyhow::Result<Option<String>> {
    if std::io::stdin().is_terminal() {
        let mut terminal = std::io::stderr().lock();
        let _gone = terminal.write_all(b"> ").and_then(|()| terminal.flush());
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}
