//! What a user may write: the custom resources of every operator.
//!
//! One module a group and version, one file a kind. Schema, defaults, CEL rules, printer columns, builders
//! and documentation; no client, no runtime, no async.
//!
//! What admission refuses is written once, as a [`rules::Rule`]: its CEL goes into the schema, its Rust twin
//! is what an operator checks again, because an object may have been stored under an earlier schema.

#![cfg_attr(
    not(all(feature = "apigw", feature = "aws")),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what only the kinds of a left-out group are made with has no user"
    )
)]

#[cfg(feature = "apigw")]
pub mod apigw;
#[cfg(feature = "aws")]
pub mod aws;
pub mod lifecycle;
pub mod names;
pub mod rules;
mod schema;
pub mod stored;
pub mod text;
pub mod text_map;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// The definitions of every kind of every group that this crate was built with.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let groups: &[fn() -> Vec<CustomResourceDefinition>] = &[
        #[cfg(feature = "apigw")]
        apigw::v1alpha1::crds,
        #[cfg(feature = "aws")]
        aws::v1alpha1::crds,
    ];
    groups.iter().flat_map(|group| group()).collect()
}
