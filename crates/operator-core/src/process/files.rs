//! How many files and connections a process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes as many as the machine grants at most. What is granted at first is often 1,024, out of care for programs
/// that wait by `select(2)`: fewer than the connections that a port is open for.
pub fn take_all() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("no more files can be open at once than at first: {error}");
    }
}
