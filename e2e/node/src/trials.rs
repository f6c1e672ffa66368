//! Tests that stand on one value, as a bench is one for its process.

use std::io;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use libtest_mimic::Trial;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// What tests share: a runtime, and a value that the first of them makes that needs it.
#[derive(Debug)]
pub struct Shared<T, S> {
    runtime: Runtime,
    start: S,
    made: OnceCell<Result<T, String>>,
}

impl<T, S> Shared<T, S>
where
    T: Send + Sync + 'static,
    S: AsyncFn() -> Result<T> + Send + Sync + 'static,
{
    /// Nothing is made yet.
    ///
    /// # Errors
    /// When no threads can be started.
    pub fn new(start: S) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            runtime: Runtime::new()?,
            start,
            made: OnceCell::new(),
        }))
    }

    /// A test on the value. It fails where the value cannot be made.
    pub fn trial<A>(self: &Arc<Self>, name: &str, test: A) -> Trial
    where
        A: AsyncFnOnce(&T) -> Result<()> + Send + 'static,
    {
        let shared = self.clone();
        let run = async move |shared: &Self| {
            let start = || async { (shared.start)().await.map_err(|e| format!("{e:?}")) };
            match shared.made.get_or_init(start).await {
                Ok(value) => test(value).await,
                Err(error) => Err(anyhow!("{error}")),
            }
        };
        Trial::test(name, move || {
            let ended = shared.runtime.block_on(run(&shared));
            ended.map_err(|e| format!("{e:?}").into())
        })
    }

    /// Ends the value, if it was made, and gives what its end does. All tests on it must have ended.
    pub fn end<R>(self: Arc<Self>, stop: impl AsyncFnOnce(T) -> R) -> Option<R> {
        let Self { runtime, made, .. } = Arc::into_inner(self)?;
        let value = made.into_inner()?.ok()?;
        Some(runtime.block_on(stop(value)))
    }
}
