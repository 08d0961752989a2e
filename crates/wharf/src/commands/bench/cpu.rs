//! The processor time that a process has used.

use std::time::Duration;

/// What `/proc` counts in, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Time that all threads of process `pid`, also those that have ended, spent on a processor; `None` where the
/// system does not say.
pub(super) fn time_of(pid: u32) -> Option<Duration> {
    read(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fields come after the command in brackets, which may itself hold blanks and brackets.
fn read(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    TICK.checked_mul(user.checked_add(system)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_command() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 9 9 20 0 8 0 100 0 0";
        assert_eq!(read(stat), Some(Duration::from_millis(1750)));
        assert_eq!(read("7 (a) S 1"), None);
        assert_eq!(read(""), None);
    }
}
