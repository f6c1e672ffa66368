//! What AVAPIGW gateways and their operator speak: messages, client and server of the service in
//! `proto/avapigw/operator/v1alpha1/configuration.proto`.

#![allow(
    missing_docs,
    reason = "generated; the meaning stands in the proto files"
)]

tonic::include_proto!("avapigw.operator.v1alpha1");
