//! A child process never outlives its parent.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use harness::process;
use harness::wait::{PATIENCE, until};

const ROLE: &str = "HARNESS_TEST_ROLE";

#[test]
#[ignore = "the body of the process that the other test kills"]
fn parent() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut sleep = Command::new("sleep");
    sleep.arg("1000");
    let log = dir.path().join("sleep.log");
    // The thread that asks for a child may end before the process does.
    let child = std::thread::spawn(move || process::spawn(sleep, &log).unwrap());
    let child = child.join().unwrap();
    assert!(running(child.pid()));
    println!("\nchild {}", child.pid());
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn a_child_dies_with_a_parent_that_is_killed() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent", "--ignored", "--nocapture"])
        .env(ROLE, "parent")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(parent.stdout.take().unwrap());
    let child: u32 = output
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("child ")?.parse().ok())
        .expect("the parent names its child");
    assert!(running(child));

    // SIGKILL: the parent gets no chance to clean up.
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("the child's end", PATIENCE, || async { !running(child) })
        .await
        .unwrap();
}

/// A zombie does not run: who reaps it is not our matter.
fn running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
    })
}
