//! What the replicas of one operator speak: messages, client and server of the service in
//! `proto/operator/replicas/v1alpha1/replicas.proto`.

#![allow(
    missing_docs,
    reason = "generated; the meaning stands in the proto files"
)]

tonic::include_proto!("operator.replicas.v1alpha1");
