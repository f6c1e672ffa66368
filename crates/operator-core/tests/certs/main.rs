//! Certificates against a real API server, over real connections and in real files.

mod clients;
mod mounted;
mod peers;
mod rotation;
mod secret;
mod stage;
