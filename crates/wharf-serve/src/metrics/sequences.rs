//! Sequences of requests: how many are open, what their states take, and how many ended by themselves.

use wharf_metrics::{Family, Kind, Sample};

use super::collect::labelled;
use crate::manager::Inner;

/// Of the versions that answer and keep states; without any there is nothing.
pub(super) fn families(server: &Inner) -> Vec<Family> {
    let family = |name, kind, help| Family::new(name, kind).with_help(help);
    let help = "Sequences that are open.";
    let mut open = family("wharf_sequences_open", Kind::Gauge, help);
    let help = "Bytes of the states of open sequences.";
    let mut bytes = family("wharf_sequence_state_bytes", Kind::Gauge, help);
    let help = "Sequences that ended because nobody asked for them.";
    let mut expired = family("wharf_sequences_expired_total", Kind::Counter, help);
    for served in server.registry.routes().answering().filter(|served| served.sequences.is_some()) {
        let (count, size) = server.sequences.open(&served.name, served.version);
        let ended = served.metrics.sequences_expired.get();
        open.push(labelled(Sample::number(count as f64), &served.metrics));
        bytes.push(labelled(Sample::number(size as f64), &served.metrics));
        expired.push(labelled(Sample::number(ended as f64), &served.metrics));
    }
    if open.samples.is_empty() { Vec::new() } else { vec![open, bytes, expired] }
}
