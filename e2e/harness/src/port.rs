//! Loopback ports that nobody else takes while we start, stop and start a server again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

use crate::scratch;

/// A port of 127.0.0.1, ours until dropped.
///
/// A port that the kernel hands out and takes back may be given to an outgoing connection before
/// the server binds it. This one lies below the range from which the kernel serves such, and a lock
/// file keeps other runs of ours away.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reserved: File,
}

impl Port {
    /// Finds a free port and keeps it.
    ///
    /// # Errors
    /// When every port of the range is taken, or the temporary folder cannot be written.
    pub fn reserve() -> Result<Self> {
        let folder = scratch::root()?.join("ports");
        fs::create_dir_all(&folder)?;
        let range = LOWEST..ephemeral_start().max(LOWEST + 1);
        let size = range.end - range.start;
        let first = fastrand::u16(..size);
        for step in 0..size {
            let number = range.start + (first + step) % size;
            let file = File::create(folder.join(number.to_string()))?;
            let ours = file.try_lock().is_ok();
            if ours && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self {
                    number,
                    _reserved: file,
                });
            }
        }
        bail!(
            "no free port on 127.0.0.1 from {} to {}",
            range.start,
            range.end - 1
        )
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// 127.0.0.1 with this port.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

const LOWEST: u16 = 20_000;

/// The first port that the kernel gives to outgoing connections.
fn ephemeral_start() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_held_at_once_differ_and_can_be_bound() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        for port in &ports {
            assert!(port.number() < ephemeral_start());
            TcpListener::bind(port.address()).unwrap();
        }
    }
}
