//! A node for tests: it takes the Pods bound to it and runs, for each image, a local program with the Pod's real
//! arguments, environment, volumes, account and probes. With [`Bench`] it stands beside a control plane in namespaces
//! of its own, so that Deployments, rollouts, webhooks by Service and hand-overs happen as on a cluster:
//!
//! ```no_run
//! fn main() -> anyhow::Result<()> {
//!     // First of all: it starts this program again, inside.
//!     node::sandbox::enter()?;
//!     let images = node::Images::default().with("example.org/cloud-operator", "/path/to/cloud-operator");
//!     # async fn bench(images: node::Images) -> anyhow::Result<()> {
//!     let bench = node::Bench::start(images).await?;
//!     let client = bench.cluster().client()?;
//!     # Ok(()) }
//!     # Ok(())
//! }
//! ```
//!
//! What is as on a cluster:
//! - Each Pod has an address and ports of its own: a network namespace on a bridge, whose first address is the API
//!   server's and the node's. All of it is of IPv4, or all of IPv6 ([`Bench::start_on`]).
//! - Each container has a root file system of its own, a host name, no capabilities, and the user that its security
//!   context names. An image stands for the system's libraries and one program, `/NAME` for an image `…/NAME`; it can
//!   write neither, whoever it is.
//! - ConfigMaps, Secrets, tokens and the downward API are mounted as the kubelet does it, and follow what changes.
//! - The API server has the log of a Pod (`kubectl logs`), as far as it was written by then: not `--follow` and the like.
//! - Nothing of it outlives the process, however that ends.
//!
//! What is not:
//! - What [`supported`](pod::supported) does not list is refused: the Pod waits with the reason `Unsupported`, and an
//!   event names the field. What a Pod asks of the scheduler is the scheduler's; limits, seccomp profiles and
//!   NetworkPolicies are believed and not enforced.
//! - Services have no addresses that work. Their names, `NAME.NAMESPACE.svc`, lead to their endpoints by the hosts file,
//!   and so reach the container's port, not the Service's. The API server reaches webhooks at their endpoints, too, and
//!   variables lead Pods to the API server itself.
//! - A container is one process. What it starts itself ends with it only if it sees to that.
//! - Without root all containers run as the user who started it: user namespaces map only that one. With root a user of
//!   a Pod is the machine's user of that number, and sees the machine's processes; the number 0 is refused.
//!
//! It takes `unshare`, `nsenter`, `setpriv` and `mount` of util-linux, `ip` of iproute2, `chroot` of coreutils, and
//! either root or user namespaces that anybody may make.

#[cfg(not(target_os = "linux"))]
compile_error!("a node needs Linux: a Pod is made of its namespaces");

mod bench;
mod doorway;
mod images;
mod network;
mod node;
pub mod pod;
pub mod sandbox;
mod system;
pub mod trials;

pub use bench::Bench;
pub use doorway::Doorway;
pub use images::Images;
pub use node::{NAME, Node};
