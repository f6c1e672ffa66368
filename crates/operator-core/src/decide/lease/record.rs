//! What a `coordination.k8s.io/v1` Lease says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime};

/// The election's part of a Lease's spec. Times are for people and other tools to read: nothing here is ever
/// compared with a clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// `holderIdentity`; empty when the lease is free.
    pub holder: String,
    /// `leaseDurationSeconds`: how long the holder claims the lease after each renewal. `None` if the
    /// object says nothing that makes sense.
    pub duration: Option<Duration>,
    /// `acquireTime`: when the holder got the lease.
    pub acquired: Option<Timestamp>,
    /// `renewTime`: when the holder last renewed it.
    pub renewed: Option<Timestamp>,
    /// `leaseTransitions`: how often the lease went from one holder to another.
    pub transitions: i32,
}

impl From<&LeaseSpec> for Record {
    fn from(spec: &LeaseSpec) -> Self {
        let seconds = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            holder: spec.holder_identity.clone().unwrap_or_default(),
            duration: seconds
                .filter(|&seconds| seconds > 0)
                .map(Duration::from_secs),
            acquired: spec.acquire_time.as_ref().map(|MicroTime(time)| *time),
            renewed: spec.renew_time.as_ref().map(|MicroTime(time)| *time),
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }
}

impl From<&Record> for LeaseSpec {
    /// A free lease has an empty `holderIdentity`, not none: so a merge patch clears it too.
    fn from(record: &Record) -> Self {
        Self {
            holder_identity: Some(record.holder.clone()),
            lease_duration_seconds: record
                .duration
                .map(|duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: record.acquired.map(MicroTime),
            renew_time: record.renewed.map(MicroTime),
            lease_transitions: Some(record.transitions),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_object() {
        let record = Record {
            holder: "pod-0_1".into(),
            duration: Some(Duration::from_secs(15)),
            acquired: Some(Timestamp::UNIX_EPOCH),
            renewed: Some(Timestamp::MAX),
            transitions: 3,
        };
        assert_eq!(Record::from(&LeaseSpec::from(&record)), record);
    }

    #[test]
    fn an_object_without_sense_is_a_free_lease() {
        let spec = LeaseSpec {
            lease_duration_seconds: Some(-1),
            ..LeaseSpec::default()
        };
        let record = Record::from(&spec);
        assert_eq!(
            (record.holder.as_str(), record.duration, record.transitions),
            ("", None, 0)
        );
        assert_eq!(
            LeaseSpec::from(&record).holder_identity.as_deref(),
            Some("")
        );
    }
}
