//! An operator that is installed as a Deployment, under exactly the rules that stand beside its code.

mod deployment;
mod installed;
pub mod replicas;
pub mod rights;
pub mod settings;
pub mod webhooks;
