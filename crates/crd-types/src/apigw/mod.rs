//! Routes and backends of API gateways: group `avapigw.io`.

pub mod v1alpha1;
