//! The network of Pods: a bridge, and for each Pod a namespace that is plugged into it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use parking_lot::Mutex;

use crate::system;

/// The bridge's address: the node's own, where the API server listens.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
const PREFIX: u8 = 16;
const BRIDGE: &str = "pods";
/// Where `ip netns` keeps what names a namespace.
const NAMESPACES: &str = "/run/netns";

/// The bridge, in the network namespace of this process.
#[derive(Debug)]
pub struct Network {
    addresses: Mutex<Addresses>,
}

/// A network namespace with one address on the bridge.
#[derive(Debug)]
pub struct PodNetwork {
    name: String,
    address: Ipv4Addr,
    network: Arc<Network>,
}

impl Network {
    /// Makes the bridge. The namespace must be a new one.
    ///
    /// # Errors
    /// When `ip` cannot.
    pub async fn make() -> Result<Arc<Self>> {
        let commands = format!(
            "link set lo up\n\
             link add {BRIDGE} type bridge\n\
             addr add {GATEWAY}/{PREFIX} dev {BRIDGE}\n\
             link set {BRIDGE} up\n"
        );
        system::ip(&[], &commands).await?;
        Ok(Arc::new(Self {
            addresses: Mutex::default(),
        }))
    }

    /// Plugs a new namespace in.
    ///
    /// # Errors
    /// When every address is in use, or `ip` cannot.
    pub async fn plug(self: &Arc<Self>) -> Result<PodNetwork> {
        let (number, address) = self
            .addresses
            .lock()
            .take()
            .with_context(|| format!("every address of {GATEWAY}/{PREFIX} is in use"))?;
        let name = format!("pod{number}");
        // Its end gives the address back, should a command fail.
        let pod = PodNetwork {
            name,
            address,
            network: self.clone(),
        };
        let name = &pod.name;
        let outside = format!(
            "netns add {name}\n\
             link add {name} type veth peer name eth0 netns {name}\n\
             link set {name} master {BRIDGE} up\n"
        );
        system::ip(&[], &outside).await?;
        let inside = format!(
            "link set lo up\n\
             link set eth0 up\n\
             addr add {address}/{PREFIX} dev eth0\n\
             route add default via {GATEWAY}\n"
        );
        system::ip(&["-n", name], &inside).await?;
        Ok(pod)
    }
}

impl PodNetwork {
    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
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
        self.network.addresses.lock().give_back(self.address);
    }
}

/// Which addresses are in use. One that was given back is the last to be given again, so that nobody is taken for
/// whoever had it before.
#[derive(Debug, Default)]
struct Addresses {
    taken: u32,
    used: BTreeSet<Ipv4Addr>,
}

impl Addresses {
    /// A number that no other has had, and a free address.
    fn take(&mut self) -> Option<(u32, Ipv4Addr)> {
        /// Without the bridge's, the network's and the broadcast's.
        const COUNT: u32 = (1 << (32 - PREFIX as u32)) - 3;
        let first = u32::from(GATEWAY) + 1;
        for _ in 0..COUNT {
            let number = self.taken;
            self.taken = number.wrapping_add(1);
            let address = Ipv4Addr::from(first + number % COUNT);
            if self.used.insert(address) {
                return Some((number, address));
            }
        }
        None
    }

    fn give_back(&mut self, address: Ipv4Addr) {
        self.used.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_again_when_all_others_were() {
        let mut addresses = Addresses::default();
        let first = addresses.take().unwrap();
        assert_eq!(first, (0, Ipv4Addr::new(10, 244, 0, 2)));
        addresses.give_back(first.1);
        let mut all = BTreeSet::new();
        while let Some((_, address)) = addresses.take() {
            assert!(all.insert(address));
            if all.len() == 1 {
                assert_ne!(address, first.1);
            }
        }
        assert_eq!(all.len(), (1 << 16) - 3);
        assert!(all.contains(&first.1));
        assert!(!all.contains(&GATEWAY));
        assert!(!all.contains(&Ipv4Addr::new(10, 244, 255, 255)));
    }
}
