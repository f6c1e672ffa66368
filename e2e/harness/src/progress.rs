//! Lines for the person who waits.

use std::io::{self, Write};

/// Writes a line to stderr. Not by `eprintln!`: the test harness holds that back until a test has
/// failed, and a build of minutes would look like a hang.
pub(crate) fn say(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "harness: {line}");
}
