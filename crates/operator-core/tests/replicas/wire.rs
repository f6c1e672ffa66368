//! How much goes over the wire between a replica and the leader.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use operator_core::{cluster::election::LeaderAddress, decide::clock::Clock};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    replica::{Held, Replica, contents},
    stage::Authority,
};

/// Carries connections, counts what goes forth, and can cut them.
pub struct Wire {
    address: SocketAddr,
    carried: Arc<AtomicU64>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
    task: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

impl Wire {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let carried = Arc::new(AtomicU64::new(0));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (counted, kept) = (carried.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let carrying = tokio::spawn(carry(near, target, counted.clone()));
                kept.lock().push(carrying);
            }
        });
        Self {
            address,
            carried,
            connections,
            task,
        }
    }

    pub fn as_leader(&self) -> Option<LeaderAddress> {
        Some(LeaderAddress {
            identity: "behind-the-wire".to_owned(),
            address: self.address.to_string(),
        })
    }

    pub fn cut(&self) {
        for connection in self.connections.lock().drain(..) {
            connection.abort();
        }
    }

    fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

async fn carry(near: TcpStream, target: SocketAddr, counted: Arc<AtomicU64>) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let forth = async {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from_near.read(&mut buffer).await {
            counted.fetch_add(read as u64, Ordering::Relaxed);
            if to_far.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
        let _ = to_far.shutdown().await;
    };
    let back = async {
        let _ = tokio::io::copy(&mut from_far, &mut to_near).await;
        let _ = to_near.shutdown().await;
    };
    tokio::join!(forth, back);
}

fn items(count: usize) -> Held {
    (0..count)
        .map(|number| {
            (
                format!("apiroute/shop/a-route-of-usual-length-{number:05}"),
                1,
            )
        })
        .collect()
}

#[tokio::test]
async fn one_edit_at_many_receivers_costs_little() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let wire = Wire::to(leader.address).await;
    let (_leads, followed) = watch::channel(wire.as_leader());
    let follower = Replica::follower("b", &holder, &clock, followed).await;

    let receivers: Vec<String> = (0..200)
        .map(|number| format!("gateway-{number:03}"))
        .collect();
    let mut items = items(1_000);
    let all_have = async |items: &Held| {
        let contents = contents(items);
        for receiver in &receivers {
            follower.has_contents(receiver, &contents);
        }
        let expected: Vec<_> = receivers
            .iter()
            .map(|receiver| (receiver.as_str(), "b", Some(items)))
            .collect();
        leader.comes_to_know(&expected).await;
    };
    for receiver in &receivers {
        follower.joins(receiver);
    }
    all_have(&items).await;
    let whole = wire.carried();
    let contents_alone: usize = items.keys().map(|id| id.len() + 16).sum();
    assert!(
        whole < 2 * contents_alone as u64 + 50_000,
        "the contents went over it once, not 200 times: {whole} bytes"
    );

    *items.values_mut().next().unwrap() = 2;
    all_have(&items).await;
    let edit = wire.carried() - whole;
    assert!(
        edit < 200 * 150 + 5_000,
        "a line for each receiver, and one for the edit: {edit} bytes"
    );
}

#[tokio::test]
async fn ten_thousand_items_pass() {
    let (clock, authority) = (Clock::system(), Authority::new());
    let holder = authority.replica(&clock).await;
    let leader = Replica::leader("a", &holder, &clock).await;
    let (_leads, followed) = watch::channel(leader.as_leader());
    let follower = Replica::follower("b", &holder, &clock, followed).await;
    let items = items(10_000);
    follower.joins("one");
    follower.has("one", &items);
    leader.comes_to_know(&[("one", "b", Some(&items))]).await;
}
