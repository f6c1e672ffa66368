//! What a test or the demo stands on: a real control plane, real peers, and faults on demand.
//!
//! A test takes the cluster that its process shares, and makes everything else its own:
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! let cluster = harness::ControlPlane::shared().await?;
//! let namespace = cluster.namespace("buckets").await?;
//! # Ok(())
//! # }
//! ```
//!
//! The shared cluster is the one whose kubeconfig file the environment variable
//! `E2E_CONTROL_PLANE` names, so that all crates' tests may use one; without the variable each test
//! process starts its own. `KUBECONFIG` is never read, and a server that is not on this machine is
//! refused, except by the scenarios of `e2e/install` when they are given one.

#[cfg(not(target_os = "linux"))]
compile_error!("the harness needs Linux: only its kernel ends a child with its parent");

pub mod aws;
pub mod binaries;
pub mod cluster;
pub mod control_plane;
mod documented;
pub mod egress;
mod family;
pub mod https;
pub mod moto;
mod open;
pub mod plain;
pub mod port;
pub mod process;
mod progress;
pub mod proxy;
pub mod scrape;
pub mod scratch;
pub mod tls_front;
pub mod wait;

pub use aws::AwsProxy;
pub use cluster::{Cluster, Leader, Namespace, User, UserRules};
pub use control_plane::ControlPlane;
pub use documented::documented;
pub use egress::Egress;
pub use family::Family;
pub use moto::Moto;
pub use open::is_open;
pub use proxy::kubernetes::ApiProxy;
pub use scrape::Scrape;
pub use tls_front::TlsFront;
