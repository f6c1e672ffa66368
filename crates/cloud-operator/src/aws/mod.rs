//! AWS without Kubernetes: sessions and their credentials, the calls that are made, what their failures mean.

mod bucket;
mod codes;
mod contents;
mod credentials;
mod endpoint;
mod failure;
mod fault;
mod fence;
mod http_client;
mod meter;
mod network;
mod pace;
mod reasons;
mod roles;
mod s3;
mod scrub;
mod session;
mod tenant;

pub use self::{
    bucket::Bucket,
    codes::CALL_FAILED,
    contents::{After, Undeleted},
    credentials::{Hop, Keys, Pod, Source, TokenFolders, WebIdentity},
    endpoint::{AllowedEndpoint, EndpointPolicy},
    failure::{Failed, Failure, Refusal},
    fault::{AUTHENTICATION_FAILED, Call, Effect},
    meter::Meter,
    network::{Authorities, Network, NetworkSettings, Proxy, ProxySetting},
    pace::Pace,
    reasons::REASONS,
    roles::{RolePattern, RolePolicy},
    s3::{Reads, Writes},
    session::{Access, Aws, Caller, Session, Settings, Timeouts},
    tenant::Tenant,
};
