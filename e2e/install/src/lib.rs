//! Charts as users install them: by Helm, on a cluster whose Pods run, with an AWS that Pods reach.
//!
//! - [`programs`]: what stands in for the images: this process's own program, by the name under which it is called.
//! - [`Ground`]: what all scenarios stand on: a cluster of ours, or one of somebody's.
//! - [`theirs`]: which one that is.
//! - [`Release`]: a chart that is installed in a namespace.
//! - [`Tenant`]: somebody who wants buckets, in another or the same namespace.

mod aws;
mod definitions;
mod ground;
pub mod programs;
mod release;
mod releases;
mod tenant;
pub mod theirs;
pub mod values;

pub use aws::{ACCOUNT, Aws, REGION};
pub use ground::Ground;
pub use release::Release;
pub use tenant::Tenant;
