//! Brings a compiled state to many receivers, each at its own pace, and knows what each of them has.

mod board;
mod contents;
mod exchange;
mod pace;
mod place;
mod refusals;
#[cfg(feature = "replicas")]
pub mod replicas;

pub use self::{
    board::{Board, Known, Receiver, Reporting, Standing, Wake},
    contents::{Contents, Digest, Entry},
    exchange::{Exchange, Next, Session},
    pace::Pace,
    place::Place,
    refusals::{Refusal, Refusals},
};
