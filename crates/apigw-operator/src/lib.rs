//! Routes and backends of AVAPIGW gateways as Kubernetes objects.
