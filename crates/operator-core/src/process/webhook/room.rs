//! The room for questions: bytes that all of them share while they are read and answered.
//!
//! Whoever reaches the port may send some, so there is a bound, and no waiting for it: when there is no room for
//! more, the largest question gives way, for those of API servers are small. One below the whole room's share of
//! each connection never does.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::body::Body;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Room for so many bytes.
pub(super) struct Room {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    came: u64,
    /// By the order in which they came: the bytes, and what keeps each.
    portions: BTreeMap<u64, (usize, oneshot::Sender<Infallible>)>,
}

/// What one question holds of the room, until it is dropped.
pub(super) struct Portion {
    room: Arc<Room>,
    question: u64,
}

/// Tells a question that it has to give way.
pub(super) struct Lost(oneshot::Receiver<Infallible>);

/// Why a question cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is longer than any may be.
    TooLong,
    /// Whoever asks went away.
    CutShort,
}

impl Room {
    pub(super) fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            held: Mutex::default(),
        })
    }

    /// One more question, which holds nothing yet.
    pub(super) fn enter(self: &Arc<Self>) -> (Portion, Lost) {
        let (keep, lost) = oneshot::channel();
        let mut held = self.held.lock();
        let question = held.came;
        held.came += 1;
        held.portions.insert(question, (0, keep));
        let portion = Portion {
            room: self.clone(),
            question,
        };
        (portion, Lost(lost))
    }

    /// How many bytes are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.lock().sum()
    }
}

impl Held {
    fn sum(&self) -> usize {
        self.portions.values().map(|(bytes, _)| bytes).sum()
    }
}

impl Portion {
    /// Reads a question of at most `longest` bytes.
    pub(super) async fn read(&self, body: Body, longest: usize) -> Result<Vec<u8>, Unread> {
        let mut pieces = body.into_data_stream();
        let mut question = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Unread::CutShort)?;
            if question.len() + piece.len() > longest {
                return Err(Unread::TooLong);
            }
            self.grow(piece.len());
            question.extend_from_slice(&piece);
        }
        Ok(question)
    }

    /// Takes more room, if need be that of the largest questions, which may be this one.
    fn grow(&self, by: usize) {
        let mut held = self.room.held.lock();
        if let Some((bytes, _)) = held.portions.get_mut(&self.question) {
            *bytes += by;
        }
        while held.sum() > self.room.bytes {
            let largest = held.portions.iter().max_by_key(|(_, (bytes, _))| *bytes);
            let Some(largest) = largest.map(|(question, _)| *question) else {
                return;
            };
            held.portions.remove(&largest);
        }
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.room.held.lock().portions.remove(&self.question);
    }
}

impl Lost {
    /// Waits until the question has to give way.
    pub(super) async fn told(&mut self) {
        // An error says that what kept it is gone: the only thing there is to be told.
        let _ = (&mut self.0).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn is_lost(lost: &mut Lost) -> bool {
        lost.told().now_or_never().is_some()
    }

    #[test]
    fn the_largest_gives_way_and_small_ones_never() {
        let room = Room::of(100);
        let (small, mut small_lost) = room.enter();
        let (large, mut large_lost) = room.enter();
        let (larger, mut larger_lost) = room.enter();
        small.grow(10);
        large.grow(40);
        larger.grow(50);
        assert_eq!(room.held(), 100);
        large.grow(5);
        assert!(is_lost(&mut larger_lost) && !is_lost(&mut large_lost));
        assert_eq!(room.held(), 55);
        // What is lost holds nothing, whatever comes.
        larger.grow(1000);
        assert_eq!(room.held(), 55);
        // The one that takes too much may be the largest itself.
        large.grow(46);
        assert!(is_lost(&mut large_lost) && !is_lost(&mut small_lost));
        assert_eq!(room.held(), 10);
        drop(small);
        assert_eq!(room.held(), 0);
    }

    #[tokio::test]
    async fn a_question_is_read_whole_or_not_at_all() {
        let room = Room::of(100);
        let (portion, _lost) = room.enter();
        let read = portion.read(Body::from("a question"), 10).await;
        assert_eq!(read.as_deref(), Ok(&b"a question"[..]));
        assert_eq!(room.held(), 10);
        let read = portion.read(Body::from("a question."), 10).await;
        assert_eq!(read, Err(Unread::TooLong));
    }
}
