//! The six kinds of resources, each with its list in a snapshot.

use apigw_protocol::{ConfigurationResource, ConfigurationSnapshot, ResourceType};
use serde::Serialize;

/// A kind of resource that a gateway takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    /// An HTTP route.
    ApiRoute,
    /// Where HTTP requests go.
    Backend,
    /// A gRPC route: tracked, not served.
    GrpcRoute,
    /// Where gRPC calls go: tracked, not served.
    GrpcBackend,
    /// A GraphQL route: tracked, not served.
    GraphqlRoute,
    /// Where GraphQL requests go: tracked, not served.
    GraphqlBackend,
}

impl Kind {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::ApiRoute,
        Self::Backend,
        Self::GrpcRoute,
        Self::GrpcBackend,
        Self::GraphqlRoute,
        Self::GraphqlBackend,
    ];

    /// The kind that the protocol's number stands for; `None` for one that a gateway ignores.
    pub(crate) fn of(resource: &ConfigurationResource) -> Option<Self> {
        Some(match resource.r#type() {
            ResourceType::ApiRoute => Self::ApiRoute,
            ResourceType::Backend => Self::Backend,
            ResourceType::GrpcRoute => Self::GrpcRoute,
            ResourceType::GrpcBackend => Self::GrpcBackend,
            ResourceType::GraphqlRoute => Self::GraphqlRoute,
            ResourceType::GraphqlBackend => Self::GraphqlBackend,
            ResourceType::Unspecified => return None,
        })
    }

    /// This kind's list of a snapshot. The list decides; the resources' own type is not looked at.
    pub(crate) fn list(self, snapshot: &ConfigurationSnapshot) -> &[ConfigurationResource] {
        match self {
            Self::ApiRoute => &snapshot.api_routes,
            Self::Backend => &snapshot.backends,
            Self::GrpcRoute => &snapshot.grpc_routes,
            Self::GrpcBackend => &snapshot.grpc_backends,
            Self::GraphqlRoute => &snapshot.graphql_routes,
            Self::GraphqlBackend => &snapshot.graphql_backends,
        }
    }

    /// The kind as a gateway's errors name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ApiRoute => "route",
            Self::Backend => "backend",
            Self::GrpcRoute => "gRPC route",
            Self::GrpcBackend => "gRPC backend",
            Self::GraphqlRoute => "GraphQL route",
            Self::GraphqlBackend => "GraphQL backend",
        }
    }
}
