//! Routes and backends of AVAPIGW gateways as Kubernetes objects.

pub mod compile;
pub mod session;
pub mod snapshot;
