//! Programs that the project's commands and tests run: fixed versions, so that every machine finds the same faults,
//! built once from the registries of their languages and kept in our cache.

mod cache;
mod cargo;
mod go;

pub use cargo::{CargoTool, DENY, MACHETE};
pub use go::{
    CERT_MANAGER, GoModule, GoTool, HELM_3, HELM_4, KSTATUS, KUBECONFORM, LUA, PROMETHEUS_OPERATOR,
    PROMTOOL,
};
