//! The limit of open files; alone in its process, whose limit it changes.

use operator_core::process::files;
use rustix::process::{Resource, getrlimit, setrlimit};

#[test]
fn as_many_files_may_be_open_as_the_machine_grants() {
    let mut limit = getrlimit(Resource::Nofile);
    let granted = limit.maximum;
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).unwrap();
    files::take_all();
    assert_eq!(getrlimit(Resource::Nofile).current, granted);
}
