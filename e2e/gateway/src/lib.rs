//! An AVAPIGW gateway for tests.
//!
//! It speaks the protocol as a real gateway in operator mode does, with its guards and traps, and
//! really proxies HTTP by the configuration that it got. What a real gateway would break on, it puts
//! on record: a test asserts that [`Gateway::violations`] is empty. On demand it is slow, stuck,
//! lossy or stubborn, see [`Behaviour`]; and a process may hold hundreds of them.
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use gateway::{Gateway, Options};
//! use std::time::Duration;
//!
//! let gateway = Gateway::start(Options {
//!     listen: Some(([127, 0, 0, 1], 0).into()),
//!     ..Options::new("127.0.0.1:9444", "gateway-0")
//! })
//! .await?;
//! let patience = Duration::from_secs(60);
//! gateway.wait_for("a route", patience, |state| state.routes == 1).await?;
//! assert!(gateway.violations().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Of HTTP routes it serves matching, destinations with weights, rewrite, redirect, direct
//! responses, header operations and the timeout. Everything else of a route, and all of the gRPC
//! and GraphQL kinds, is checked or tracked but not served; hosts are not probed; backends are
//! reached in plaintext.

mod apply;
mod backends;
mod behaviour;
mod event;
mod fault;
mod forward;
mod gateway;
mod heartbeat;
mod kind;
mod link;
mod matching;
mod options;
pub mod program;
mod proxy;
mod router;
mod session;
mod shared;
mod spec;
mod state;
mod tls;
mod tracked;
mod turns;
mod validate;
mod violations;

pub use behaviour::{Behaviour, Loss, Refusal, Stuck};
pub use event::{Event, Outcome, Phase, Record, Update};
pub use gateway::Gateway;
pub use kind::Kind;
pub use options::{Identity, KeepAlive, Options, Tls, Waits};
pub use state::{Counts, State};
pub use tracked::Guard;
pub use validate::verdict;
