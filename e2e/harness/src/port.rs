//! Ports that nobody else takes while we start, stop and start a server again.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

use crate::scratch;

/// A port of one address, ours until dropped.
///
/// A port that the kernel hands out and takes back may be given to an outgoing connection before
/// the server binds it. This one lies below the range from which the kernel serves such, and a lock
/// file keeps other runs of ours away.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _reserved: File,
}

impl Port {
    /// Finds a free port of 127.0.0.1 and keeps it.
    ///
    /// # Errors
    /// As [`reserve_at`](Self::reserve_at).
    pub fn reserve() -> Result<Self> {
        Self::reserve_at(Ipv4Addr::LOCALHOST.into())
    }

    /// Finds a free port of this address and keeps it.
    ///
    /// # Errors
    /// When the address is not this machine's or every port of the range is taken, or the temporary folder cannot be
    /// written.
    pub fn reserve_at(address: IpAddr) -> Result<Self> {
        let folder = scratch::root()?.join("ports");
        fs::create_dir_all(&folder)?;
        let range = LOWEST..ephemeral_start().max(LOWEST + 1);
        let size = range.end - range.start;
        let first = fastrand::u16(..size);
        for step in 0..size {
            let number = range.start + (first + step) % size;
            let file = File::create(folder.join(number.to_string()))?;
            let ours = file.try_lock().is_ok();
            let address = SocketAddr::new(address, number);
            if ours && TcpListener::bind(address).is_ok() {
                return Ok(Self {
                    address,
                    _reserved: file,
                });
            }
        }
        bail!(
            "no free port on {address} from {} to {}",
            range.start,
            range.end - 1
        )
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.address.port()
    }

    /// The address with this port.
    pub fn address(&self) -> SocketAddr {
        self.address
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
