//! The leader knows what every replica's receivers have: each other replica tells it, by one stream.

mod dial;

pub use self::dial::{Dialling, dial};
