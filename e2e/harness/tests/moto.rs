//! moto's life.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use harness::moto::Moto;
use harness::wait::{PATIENCE, until};

const ROLE: &str = "HARNESS_TEST_ROLE";

#[tokio::test]
#[ignore = "the body of the process that the other test kills"]
async fn parent() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let moto = Moto::shared().await.unwrap();
    println!("\nmoto {}", moto.url());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn moto_ends_with_its_process_however_that_ends() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent", "--ignored", "--nocapture"])
        .env(ROLE, "parent")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(parent.stdout.take().unwrap());
    let url = output
        .lines()
        .find_map(|line| Some(line.unwrap().strip_prefix("moto ")?.to_owned()))
        .expect("the parent names its moto");
    assert!(listens(&url));

    // SIGKILL: the parent gets no chance to clean up.
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("moto's end", PATIENCE, || async { !listens(&url) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_moto_of_ones_own_ends_when_dropped() {
    let moto = Moto::start().await.unwrap();
    let url = moto.url().to_owned();
    assert!(listens(&url));
    drop(moto);
    assert!(!listens(&url));
}

fn listens(url: &str) -> bool {
    let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    TcpStream::connect(address).is_ok()
}
