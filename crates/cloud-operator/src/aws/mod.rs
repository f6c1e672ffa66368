//! AWS without Kubernetes: sessions and their credentials, the calls that are made, what their failures mean.

mod bucket;
pub mod codes;
mod contents;
mod credentials;
mod endpoint;
mod failure;
mod fault;
mod fence;
mod http_client;
mod label;
mod meter;
mod network;
mod pace;
pub mod reasons;
mod roles;
mod s3;
mod scrub;
mod session;
mod store;
mod tenant;

pub use self::{
    bucket::Bucket,
    contents::{After, Undeleted},
    credentials::{Hop, Keys, Pod, Source, TokenFolders, WebIdentity},
    endpoint::{AllowedEndpoint, EndpointPolicy},
    failure::{Failed, Failure, Refusal},
    fault::{ANSWER_LOST, Call, Effect, UNREACHABLE},
    meter::Meter,
    network::{Authorities, Network, NetworkSettings, Proxy, ProxySetting},
    pace::{Pace, Paces},
    roles::{RolePattern, RolePolicy},
    s3::{Reads, Writes},
    session::{Access, Aws, Caller, Session, Settings, Timeouts},
    store::Store,
    tenant::Tenant,
};
