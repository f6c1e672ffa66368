//! The leader's end of a stream: what the messages mean. Does nothing with it.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc, time::Duration};

use replica_protocol::{self as wire, receiver::Has, report_request::Report};
use tonic::Status;

use super::{
    super::{
        board::Known,
        contents::{Contents, Digest},
        refusals::Refusal,
    },
    parts::Joining,
};

/// A report that makes no sense; tells which field of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) String);

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Self {
        Self::invalid_argument(malformed.0)
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard<R, I> {
    /// Something that later ones refer to.
    Nothing,
    /// A receiver is connected.
    Receiver {
        id: R,
        session: Arc<str>,
        connected: Duration,
        has: Known<I>,
    },
    /// A receiver has left.
    Left(R),
    /// A thing was refused.
    Refused(I, Refusal),
    /// No refusal of a thing is known any more.
    RefusalGone(I),
}

/// What was heard in one stream.
pub(super) struct Hearing<I> {
    told: BTreeMap<Digest, Arc<Contents<I>>>,
    joining: Option<Joining<I>>,
}

impl<I> Hearing<I>
where
    I: Ord + Clone + fmt::Display + FromStr,
{
    /// The name of the replica, and the hearing of what it will tell.
    pub(super) fn open(first: Option<wire::ReportRequest>) -> Result<(Arc<str>, Self), Malformed> {
        let Some(Report::Opening(opening)) = first.and_then(|first| first.report) else {
            return Err(Malformed("the first message must be opening".to_owned()));
        };
        if opening.replica.is_empty() {
            return Err(Malformed("opening.replica is empty".to_owned()));
        }
        let hearing = Self {
            told: BTreeMap::new(),
            joining: None,
        };
        Ok((opening.replica.into(), hearing))
    }

    pub(super) fn hear<R: FromStr>(
        &mut self,
        message: wire::ReportRequest,
    ) -> Result<Heard<R, I>, Malformed> {
        let report = message.report;
        let report = report.ok_or_else(|| Malformed("a message without a report".to_owned()))?;
        if self.joining.is_some() && !matches!(report, Report::Contents(_)) {
            return Err(Malformed(
                "contents of which more was to come are followed by something else".to_owned(),
            ));
        }
        match report {
            Report::Opening(_) => Err(Malformed("opening came twice".to_owned())),
            Report::Contents(part) => self.part(part).map(|()| Heard::Nothing),
            Report::ContentsForgotten(forgotten) => {
                let version = digest("contents_forgotten.version", &forgotten.version)?;
                self.told.remove(&version);
                Ok(Heard::Nothing)
            }
            Report::Receiver(receiver) => Ok(Heard::Receiver {
                id: id("receiver.id", &receiver.id)?,
                session: receiver.session.into(),
                connected: Duration::from_millis(receiver.connected_milliseconds),
                has: self.has(receiver.has)?,
            }),
            Report::ReceiverLeft(left) => Ok(Heard::Left(id("receiver_left.id", &left.id)?)),
            Report::Refusal(refused) => {
                let refusal = Refusal {
                    edition: refused.edition.into(),
                    words: refused.words.into(),
                };
                Ok(Heard::Refused(id("refusal.id", &refused.id)?, refusal))
            }
            Report::RefusalGone(gone) => Ok(Heard::RefusalGone(id("refusal_gone.id", &gone.id)?)),
        }
    }

    fn part(&mut self, part: wire::Contents) -> Result<(), Malformed> {
        let more = part.more;
        let mut joining = match self.joining.take() {
            Some(joining) => joining,
            None => Joining::new(&part)?,
        };
        joining.add(part)?;
        if more {
            self.joining = Some(joining);
        } else {
            let contents = joining.join(&self.told)?;
            self.told.insert(contents.version(), Arc::new(contents));
        }
        Ok(())
    }

    fn has(&self, has: Option<Has>) -> Result<Known<I>, Malformed> {
        match has {
            None => Err(Malformed("receiver.has is not set".to_owned())),
            Some(Has::Nothing(_)) => Ok(Known::Nothing),
            Some(Has::Something(_)) => Ok(Known::Something),
            Some(Has::Version(version)) => {
                let version = digest("receiver.version", &version)?;
                let told = self.told.get(&version).cloned();
                told.map(Known::Exactly).ok_or_else(|| {
                    Malformed(format!(
                        "receiver.version: {version} was not told in this stream"
                    ))
                })
            }
        }
    }
}

pub(super) fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Malformed> {
    let read = text.parse();
    read.map_err(|_| Malformed(format!("{field}: {text:?} is no identifier")))
}

pub(super) fn digest(field: &str, bytes: &[u8]) -> Result<Digest, Malformed> {
    let read = Digest::from_bytes(bytes);
    read.ok_or_else(|| Malformed(format!("{field}: {} bytes are no digest", bytes.len())))
}
