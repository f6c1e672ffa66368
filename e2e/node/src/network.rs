//! The network of Pods: a bridge, and for each Pod a namespace that is plugged into it, with addresses of one family.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use harness::Family;
use parking_lot::Mutex;

use crate::system;

/// The bridge's number.
const GATEWAY: u16 = 1;
const BRIDGE: &str = "pods";
/// Where `ip netns` keeps what names a namespace.
const NAMESPACES: &str = "/run/netns";

/// The bridge, in the network namespace of this process.
#[derive(Debug)]
pub struct Network {
    family: Family,
    numbers: Mutex<Numbers>,
}

/// A network namespace with one address on the bridge.
#[derive(Debug)]
pub struct PodNetwork {
    name: String,
    number: u16,
    network: Arc<Network>,
}

impl Network {
    /// Makes the bridge. The namespace must be a new one.
    ///
    /// # Errors
    /// When `ip` cannot.
    pub async fn make(family: Family) -> Result<Arc<Self>> {
        let made = format!("link add {BRIDGE} type bridge\n");
        let commands = made + &up(BRIDGE, address(family, GATEWAY));
        system::ip(&[], &commands).await?;
        Ok(Arc::new(Self {
            family,
            numbers: Mutex::default(),
        }))
    }

    /// The bridge's address: the node's own, where the API server listens.
    pub fn gateway(&self) -> IpAddr {
        address(self.family, GATEWAY)
    }

    /// Plugs a new namespace in.
    ///
    /// # Errors
    /// When every address is in use, or `ip` cannot.
    pub async fn plug(self: &Arc<Self>) -> Result<PodNetwork> {
        let taken = self.numbers.lock().take();
        let (count, number) = taken.context("every address of Pods is in use")?;
        let name = format!("pod{count}");
        // Its end gives the number back, should a command fail.
        let pod = PodNetwork {
            name,
            number,
            network: self.clone(),
        };
        let name = &pod.name;
        let outside = format!(
            "netns add {name}\n\
             link add {name} type veth peer name eth0 netns {name}\n\
             link set {name} master {BRIDGE} up\n"
        );
        system::ip(&[], &outside).await?;
        let route = format!("route add default via {}\n", self.gateway());
        let inside = up("eth0", pod.address()) + &route;
        system::ip(&["-n", name], &inside).await?;
        Ok(pod)
    }
}

impl PodNetwork {
    /// Its address.
    pub fn address(&self) -> IpAddr {
        address(self.network.family, self.number)
    }

    /// The file by which `nsenter` finds it.
    pub fn file(&self) -> PathBuf {
        [NAMESPACES, &self.name].iter().collect()
    }

    /// Takes it down; connections to it hang or fail from now on.
    ///
    /// # Errors
    /// When `ip` cannot.
    pub async fn unplug(self) -> Result<()> {
        let name = &self.name;
        // A namespace ends some time after its name; its end of the cable takes the other one with it at once.
        system::ip(&[], &format!("link delete {name}\nnetns delete {name}\n")).await
    }
}

impl Drop for PodNetwork {
    fn drop(&mut self) {
        self.network.numbers.lock().give_back(self.number);
    }
}

/// The commands that bring loopback and a device up, the device with this address.
fn up(device: &str, address: IpAddr) -> String {
    // Loopback gets an address of each family by itself. Without `nodad` one of IPv6 waits a second for others who claim it.
    let (prefix, alone, at_once) = match Family::of(address) {
        Family::V4 => (16, "", ""),
        Family::V6 => (64, "addr del 127.0.0.1/8 dev lo\n", " nodad"),
    };
    format!(
        "link set lo up\n\
         {alone}\
         link set {device} up\n\
         addr add {address}/{prefix} dev {device}{at_once}\n"
    )
}

/// The address that ends with a number.
fn address(family: Family, number: u16) -> IpAddr {
    match family {
        Family::V4 => {
            let [high, low] = number.to_be_bytes();
            Ipv4Addr::new(10, 244, high, low).into()
        }
        Family::V6 => Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, number).into(),
    }
}

/// Which numbers of addresses are in use. One that was given back is the last to be given again, so that nobody is taken
/// for whoever had its address before.
#[derive(Debug, Default)]
struct Numbers {
    taken: u32,
    used: BTreeSet<u16>,
}

impl Numbers {
    /// How many were taken before, and a free one.
    fn take(&mut self) -> Option<(u32, u16)> {
        const FIRST: u32 = GATEWAY as u32 + 1;
        /// Without the last one, which is a broadcast's where there are any.
        const COUNT: u32 = u16::MAX as u32 - FIRST;
        for _ in 0..COUNT {
            let count = self.taken;
            self.taken = count.wrapping_add(1);
            let number = u16::try_from(FIRST + count % COUNT).ok()?;
            if self.used.insert(number) {
                return Some((count, number));
            }
        }
        None
    }

    fn give_back(&mut self, number: u16) {
        self.used.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_again_when_all_others_were() {
        let mut numbers = Numbers::default();
        let first = numbers.take().unwrap();
        assert_eq!(first, (0, 2));
        numbers.give_back(first.1);
        let mut all = BTreeSet::new();
        while let Some((_, number)) = numbers.take() {
            assert!(all.insert(number));
            if all.len() == 1 {
                assert_ne!(number, first.1);
            }
        }
        let expected: BTreeSet<u16> = (2..u16::MAX).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn a_number_is_an_address_of_the_family() {
        for (family, number, expected) in [
            (Family::V4, 1, "10.244.0.1"),
            (Family::V4, 65534, "10.244.255.254"),
            (Family::V6, 1, "fd00:10:244::1"),
            (Family::V6, 65534, "fd00:10:244::fffe"),
        ] {
            assert_eq!(address(family, number).to_string(), expected);
        }
    }
}
