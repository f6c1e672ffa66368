//! The frame of an operator: what `main` fills with controllers and runs until it is told to stop.

use std::{future::Future, sync::Arc, time::Duration};

use crd_types::lifecycle::Managed;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use tokio::{sync::watch, task::JoinSet};

use super::{
    config::Common,
    http::{Checks, Servers},
    metrics::Metrics,
};
use crate::{
    cluster::{
        cache::{Cache, Scope, Whole},
        election::{Election, Leadership},
        events::Events,
    },
    decide::{clock::Clock, queue::Limits},
    engines::controller::{Controller, Reconciler, Settings, Site},
};
