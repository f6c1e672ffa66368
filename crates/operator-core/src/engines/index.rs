//! What watches feed and a pure function compiles.

use std::{future::Future, sync::Arc};

use tokio::sync::{Notify, watch};

/// The latest compiled state. It does no I/O, and it is not there before all that feeds it was seen whole.
pub struct Index<T> {
    fed: Notify,
    compiled: watch::Sender<Option<Arc<T>>>,
}

impl<T: Send + Sync + 'static> Default for Index<T> {
    fn default() -> Self {
        Self {
            fed: Notify::new(),
            compiled: watch::Sender::new(None),
        }
    }
}

impl<T: Send + Sync + 'static> Index<T> {
    /// Something that is compiled has changed. However often this is said during one compilation, one more follows.
    pub fn feed(&self) {
        self.fed.notify_one();
    }

    /// The latest state; none before everything was seen whole.
    pub fn current(&self) -> Option<Arc<T>> {
        self.compiled.borrow().clone()
    }

    /// Follows the latest state.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<T>>> {
        self.compiled.subscribe()
    }

    /// Compiles once `synced`, and whenever something was fed since. What `publish` tells of a state, it tells
    /// when that is the current one already. Never ends.
    pub async fn run(
        &self,
        synced: impl Future<Output = ()>,
        compile: impl Fn() -> T,
        publish: impl Fn(&T),
    ) {
        synced.await;
        loop {
            let compiled = Arc::new(compile());
            self.compiled.send_replace(Some(compiled.clone()));
            publish(&compiled);
            self.fed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{sync::oneshot, task::yield_now};

    use super::*;

    #[tokio::test]
    async fn nothing_is_there_before_all_was_seen_and_a_burst_is_compiled_once() {
        let index = Arc::new(Index::<usize>::default());
        let (all_seen, synced) = oneshot::channel::<()>();
        let fed = Arc::new(AtomicUsize::new(0));
        let (running, read) = (index.clone(), fed.clone());
        let task = tokio::spawn(async move {
            let synced = async { synced.await.unwrap_or_default() };
            let is_current = |state: &usize| assert_eq!(running.current().as_deref(), Some(state));
            let compile = || read.load(Ordering::SeqCst);
            running.run(synced, compile, is_current).await;
        });
        for _ in 0..3 {
            fed.fetch_add(1, Ordering::SeqCst);
            index.feed();
            yield_now().await;
        }
        assert_eq!(index.current(), None);

        let mut states = index.watch();
        all_seen.send(()).expect("the index waits");
        states.wait_for(Option::is_some).await.expect("it runs");
        assert_eq!(index.current().as_deref(), Some(&3));

        fed.store(9, Ordering::SeqCst);
        index.feed();
        index.feed();
        let nine = |state: &Option<Arc<usize>>| state.as_deref() == Some(&9);
        states.wait_for(nine).await.expect("it runs");
        task.abort();
    }
}
