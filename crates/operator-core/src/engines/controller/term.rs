//! The beginning and the end of a term of leadership, as a controller sees them.

use tokio::sync::watch;

use crate::cluster::leading::Leading;

/// What brings each beginning and each end of a term.
pub(super) type Term = watch::Receiver<Option<Leading>>;

/// Waits for a term to begin.
pub(super) async fn gained(term: &mut Term) -> Leading {
    let begun = term
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|term| term.clone());
    match begun {
        Some(leading) => leading,
        // The election has ended, and with it every hope.
        None => std::future::pending().await,
    }
}

/// Waits for the term of `leading` to end.
///
/// A term can end and the next one begin between two looks: then only the old right tells.
pub(super) async fn lost(term: &mut Term, leading: &Leading) {
    let _ = term
        .wait_for(|now| now.is_none() || leading.check().is_err())
        .await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{cluster::leading::Term as Held, decide::clock::Clock};

    #[tokio::test]
    async fn a_term_that_another_replaced_unseen_is_lost() {
        let clock = Clock::system();
        let held = || Held::begin(clock.clone(), clock.now() + Duration::from_secs(3600));
        let first = held();
        let leading = first.leading();
        let (elected, mut term) = watch::channel(Some(leading.clone()));
        assert!(gained(&mut term).await.check().is_ok());

        let second = held();
        drop(first);
        elected.send_replace(None);
        elected.send_replace(Some(second.leading()));
        // Hangs where only the last of the two is looked at.
        lost(&mut term, &leading).await;
        assert!(gained(&mut term).await.check().is_ok());
    }
}
