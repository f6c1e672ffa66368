//! Charts as users install them: by Helm, on a cluster whose Pods run, with an AWS that Pods reach.
//!
//! - [`programs`]: what stands in for the images: this process's own program, by the name under which it is called.
//! - [`Ground`]: what all scenarios stand on: a cluster of ours, or one of somebody's.
//! - [`theirs`]: which one that is.
//! - [`Release`]: a chart that is installed in a namespace.
//! - [`Tenant`]: somebody who wants buckets, in another or the same namespace.
//! - [`kubectl()`]: kubectl, as users have it.
//! - [`trials`]: how scenarios leave the cluster to each other; [`scenarios`]: those of more than one program.
//! - [`handovers`]: how a Lease goes from one replica to another.

mod aws;
mod definitions;
mod ground;
pub mod handovers;
mod kubectl;
pub mod programs;
mod release;
mod releases;
pub mod scenarios;
mod tenant;
pub mod theirs;
pub mod trials;
pub mod values;

pub use aws::{ACCOUNT, Aws, REGION};
pub use ground::Ground;
pub use kubectl::kubectl;
pub use release::Release;
pub use tenant::Tenant;
