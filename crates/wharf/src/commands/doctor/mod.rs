//! `wharf doctor`: what is wrong with this machine for serving, and how to mend it.

use anyhow::bail;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::say;
use checks::{Finding, Verdict};

mod checks;
mod collect;
mod facts;
mod ports;
mod system;

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    /// The worst of the findings.
    verdict: Verdict,
    findings: &'a [Finding],
}

/// Looks, prints, and fails where `wharf serve` would.
pub(crate) fn run(arguments: &DoctorArgs) -> anyhow::Result<()> {
    let facts = collect::collect(&arguments.repository.repository, arguments.bind, arguments.port_offset);
    let findings = checks::examine(&facts);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    match arguments.json {
        true => say(serde_json::to_string_pretty(&Report { verdict, findings: &findings })?),
        false => say(render(&findings)),
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    match failed {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        count => bail!("{count} checks failed"),
    }
}

/// A line for each finding, and one below it where there is something to do.
fn render(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.subject.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Finding { subject, verdict, says, mend } in findings {
        let verdict = match verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        lines.push(format!("{verdict}  {subject:width$}  {says}"));
        if let Some(mend) = mend {
            lines.push(format!("      {:width$}  -> {mend}", ""));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cures_stand_below_what_they_cure() {
        let finding = |subject: &str, verdict, mend: Option<&str>| Finding {
            subject: subject.to_owned(),
            verdict,
            says: "it is".to_owned(),
            mend: mend.map(str::to_owned),
        };
        let text = render(&[finding("a", Verdict::Ok, None), finding("long", Verdict::Fail, Some("do it"))]);
        assert_eq!(text, "ok    a     it is\nFAIL  long  it is\n            -> do it");
    }
}
