//! Whether the ports can be opened, and who holds those that cannot.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};

use super::facts::{Port, PortState};

/// What `wharf serve` opens by default.
const PORTS: [(u16, &str); 6] = [
    (8500, "TensorFlow Serving gRPC"),
    (8501, "TensorFlow Serving REST"),
    (8000, "Open Inference REST"),
    (8001, "Open Inference gRPC"),
    (8002, "metrics"),
    (8080, "KServe and administration"),
];

/// `LISTEN` in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Tries every port at `bind`, moved by `offset`; those that leave the range are left out.
pub(super) fn all(bind: IpAddr, offset: u16) -> Vec<Port> {
    let moved = PORTS.into_iter().filter_map(|(port, purpose)| Some((port.checked_add(offset)?, purpose)));
    moved.map(|(number, purpose)| Port { number, purpose, state: state_of(bind, number) }).collect()
}

fn state_of(bind: IpAddr, port: u16) -> PortState {
    match TcpListener::bind((bind, port)) {
        Ok(_) => PortState::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => PortState::Taken(holder_of(port)),
        Err(error) => PortState::Refused(error.to_string()),
    }
}

/// The command and the number of the process that listens on `port`, if this user may see it.
fn holder_of(port: u16) -> Option<(String, u32)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let inode = tables.iter().find_map(|table| inode_of(table, port))?;
    let wanted = format!("socket:[{inode}]");
    let pids =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| has_open(*pid, &wanted)).find_map(|pid: u32| {
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some((command.trim().to_owned(), pid))
    })
}

fn has_open(pid: u32, wanted: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target.as_os_str() == wanted)
}

/// Finds the socket that listens on `port` in a table of the system.
fn inode_of(table: &str, port: u16) -> Option<u64> {
    let local = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&local) && *fields.get(3)? == LISTENING;
        if is_it { fields.get(9)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn sockets_are_found_by_port_and_state() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2134 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
             1: 0100007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n";
        assert_eq!(inode_of(table, 8500), Some(4711));
        assert_eq!(inode_of(table, 8501), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_of_this_process_is_taken_by_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        match state_of(Ipv4Addr::LOCALHOST.into(), port) {
            PortState::Taken(Some((_, pid))) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ports_past_the_range_are_left_out() {
        let ports = all(Ipv4Addr::LOCALHOST.into(), u16::MAX - 8001);
        let numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
        assert_eq!(numbers, [65_534, 65_535]);
    }
}
