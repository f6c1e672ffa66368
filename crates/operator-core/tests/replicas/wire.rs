//! How much goes over the wire between a replica and the leader.

use std::{
    future::pending,
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
    /// How many connections are stuck: from the first on.
    stuck: watch::Sender<usize>,
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
        let stuck = watch::Sender::new(0);
        let (counted, kept) = (carried.clone(), connections.clone());
        let watched = stuck.subscribe();
        let task = tokio::spawn(async move {
            for number in 1.. {
                let Ok((near, _)) = listener.accept().await else {
                    return;
                };
                let gets_stuck = gets_stuck(watched.clone(), number);
                let carrying = carry(near, target, counted.clone(), gets_stuck);
                kept.lock().push(tokio::spawn(carrying));
            }
        });
        Self {
            address,
            carried,
            connections,
            stuck,
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

    /// From now on no byte passes on any connection there is, and none of them ends.
    pub fn get_stuck(&self) {
        self.stuck.send_replace(self.connections.lock().len());
    }

    fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

async fn gets_stuck(mut stuck: watch::Receiver<usize>, number: usize) {
    let _ = stuck.wait_for(|stuck| *stuck >= number).await;
}

async fn carry(
    near: TcpStream,
    target: SocketAddr,
    counted: Arc<AtomicU64>,
    gets_stuck: impl Future<Output = ()>,
) {
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
    let carried = async { tokio::join!(forth, back) };
    tokio::pin!(carried);
    tokio::select! {
        _ = &mut carried => {}
        () = gets_stuck => pending().await,
    }
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
