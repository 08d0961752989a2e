//! The machine and the program that a run ran on.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::thread::available_parallelism;

/// Names and values of program and machine, for [`RunReport::environment`](super::RunReport::environment).
///
/// What the system does not tell is left out.
pub fn environment() -> Vec<(String, String)> {
    let cores = available_parallelism().ok().map(|cores| cores.to_string());
    let facts = [
        ("wharf", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("system", Some(format!("{OS}, {ARCH}"))),
        ("processor", processor()),
        ("cores", cores),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The processor's name, where Linux tells it.
fn processor() -> Option<String> {
    let told = fs::read_to_string("/proc/cpuinfo").ok()?;
    model_name(&told)
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_is_read_where_it_is_told() {
        let cases = [
            ("processor\t: 0\nmodel name\t: Fast CPU @ 2GHz\nmodel name\t: other\n", Some("Fast CPU @ 2GHz")),
            ("model name\t:  \n", None),
            ("", None),
        ];
        for (told, expected) in cases {
            assert_eq!(model_name(told).as_deref(), expected, "{told:?}");
        }
    }

    #[test]
    fn program_and_system_are_always_told() {
        let names: Vec<String> = environment().into_iter().map(|(name, _)| name).collect();
        assert!(names.starts_with(&["wharf".to_owned(), "system".to_owned()]), "{names:?}");
    }
}
