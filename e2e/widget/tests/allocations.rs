//! How often the least operator asks for memory, for each object: as often as `tests/budgets/allocations.txt`
//! says, give or take what chance in hash tables and in the order of polls does.
//!
//! The API server is one in this process that answers at once, on one thread, without a connection: nothing
//! here depends on how fast anything is. What it allocates itself counts, too, and is the same each time.

mod budget;
mod server;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

use kube::Client;
use operator_core::{
    decide::clock::Clock,
    process::{
        config::{Inputs, load},
        operator::Operator,
    },
};
use server::{Server, Start};
use widget::core::{Config, operator};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[expect(unsafe_code, reason = "an allocator can be written no other way")]
// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Turns of the one thread that are more than enough for all work; a turn without work costs no memory.
const TURNS: usize = 20_000;

fn put_together(client: Client) -> Operator {
    let args = [
        "widget-core",
        "--leader-elect=false",
        "--api-write-rate=0",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
    ];
    let inputs = Inputs {
        args: args.map(Into::into).into(),
        env: &|_| None,
        facts: &[],
    };
    let config = load::<Config>(&inputs).unwrap().settings;
    operator(config, client, Clock::system())
}

/// How many allocations it takes to start with so many widgets and to be done with all of them.
fn allocations(start: Start, widgets: usize) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server::new(start, widgets);
        let operator = put_together(Client::new(server.clone(), "default"));
        let metrics = operator.metrics.clone();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let work = async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = operator.run(std::future::pending()) => panic!("it ended: {ended:?}"),
            () = work => {}
        }
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        let text = metrics.expose(None).text;
        let passes = text.lines().filter_map(|line| {
            let labels = line.strip_prefix("controller_runtime_reconcile_total{")?;
            labels.rsplit_once(' ')?.1.parse::<f64>().ok()
        });
        assert_eq!(passes.sum::<f64>(), widgets as f64, "passes");
        let writes = match start {
            Start::Cold => 2 * widgets,
            Start::Steady => 0,
        };
        assert_eq!(server.writes(), writes, "writes");
        after - before
    })
}

/// One more widget's share: what a start costs once, whatever there is to do, is left out.
fn for_each_widget(start: Start) -> u64 {
    let (few, many) = (100, 500);
    let (some, more) = (allocations(start, few), allocations(start, many));
    (more - some) / (many - few) as u64
}

#[test]
fn allocations_are_those_of_the_budget() {
    let measured = [
        ("cold start, for each widget", Start::Cold),
        ("start with all in place, for each widget", Start::Steady),
    ];
    let measured = measured.map(|(what, start)| (what.to_owned(), for_each_widget(start)));
    budget::check("allocations", &measured, 0.03);
}
