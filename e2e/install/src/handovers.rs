//! How a Lease goes from one replica to another.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use kube::runtime::watcher::watch_object;
use operator_core::decide::lease::Record;

/// Follows a Lease while something happens, and tells for each time it went to another holder how long nobody had it.
///
/// # Errors
/// What happens fails, the Lease cannot be followed, or somebody took it who was not given it: it had run out.
pub async fn during(
    leases: &Api<Lease>,
    name: &str,
    happens: impl Future<Output = Result<()>>,
) -> Result<Vec<Duration>> {
    let mut followed = Followed::default();
    let mut states = pin!(watch_object(leases.clone(), name));
    let mut happens = pin!(happens);
    // How often it has changed hands, once all has happened.
    let mut end: Option<i32> = None;
    while end.is_none_or(|transitions| followed.transitions() < transitions) {
        tokio::select! {
            state = states.next() => {
                let state = state.context("the watch has ended")?;
                let lease = state?.with_context(|| format!("there is no Lease {name}"))?;
                followed.see(record(lease))?;
            }
            ended = &mut happens, if end.is_none() => {
                ended?;
                end = Some(record(leases.get(name).await?).transitions);
            }
        }
    }
    Ok(followed.unheld)
}

fn record(lease: Lease) -> Record {
    Record::from(&lease.spec.unwrap_or_default())
}

#[derive(Debug, Default)]
struct Followed {
    last: Option<Record>,
    unheld: Vec<Duration>,
}

impl Followed {
    fn transitions(&self) -> i32 {
        self.last.as_ref().map_or(i32::MIN, |last| last.transitions)
    }

    fn see(&mut self, record: Record) -> Result<()> {
        if let Some(last) = self.last.take()
            && record.transitions != last.transitions
        {
            ensure!(
                last.holder.is_empty(),
                "{} took the Lease, which {} had not given back",
                record.holder,
                last.holder
            );
            let freed = last.renewed.context("a Lease says when it was freed")?;
            let taken = record.acquired.context("a Lease says when it was taken")?;
            self.unheld.push(taken.duration_since(freed).unsigned_abs());
        }
        self.last = Some(record);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    use k8s_openapi::{api::coordination::v1::LeaseSpec, jiff::Timestamp};

    use super::*;

    fn lease(holder: &str, transitions: i32, second: i64) -> Record {
        let time = MicroTime(Timestamp::from_second(second).unwrap());
        Record::from(&LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            acquire_time: Some(time.clone()),
            renew_time: Some(time),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        })
    }

    #[test]
    fn a_lease_that_was_given_back_may_be_taken() {
        let mut followed = Followed::default();
        for state in [
            lease("a", 3, 10),
            lease("a", 3, 12),
            lease("", 3, 13),
            lease("b", 4, 15),
        ] {
            followed.see(state).unwrap();
        }
        assert_eq!(followed.unheld, [Duration::from_secs(2)]);
    }

    #[test]
    fn a_lease_that_has_run_out_is_told() {
        let mut followed = Followed::default();
        followed.see(lease("a", 3, 10)).unwrap();
        let told = followed.see(lease("b", 4, 30)).unwrap_err().to_string();
        assert!(told.contains("which a had not given back"), "{told}");
    }
}
