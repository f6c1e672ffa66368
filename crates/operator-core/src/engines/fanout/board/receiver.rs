//! A receiver, and where it was seen.

use std::sync::Arc;

use super::super::{contents::Contents, place::Place};
use crate::decide::clock::Moment;

/// What is known of what a receiver has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<I> {
    /// It has just started, and has nothing.
    Nothing,
    /// It has something, and nobody knows what.
    Something,
    /// It has exactly this.
    Exactly(Arc<Contents<I>>),
}

/// A receiver as the board knows it.
#[derive(Clone, Debug)]
pub struct Receiver<I> {
    /// Which replica it is connected to.
    pub place: Place,
    /// Names the connection, as one receiver may join anew before it was seen to leave.
    pub session: Arc<str>,
    /// When it joined.
    pub joined: Moment,
    /// When it left; none while it is connected.
    pub left: Option<Moment>,
    /// What it has.
    pub has: Known<I>,
}

/// One receiver at each place where it was seen, at least one: it moves from one replica to another, and these
/// tell of it in any order.
pub(super) struct Sightings<I>(Vec<Receiver<I>>);

impl<I> Sightings<I> {
    pub(super) fn new(first: Receiver<I>) -> Self {
        Self(vec![first])
    }

    pub(super) fn at(&self, place: &Place) -> Option<&Receiver<I>> {
        self.0.iter().find(|known| known.place == *place)
    }

    pub(super) fn at_mut(&mut self, place: &Place) -> Option<&mut Receiver<I>> {
        self.0.iter_mut().find(|known| known.place == *place)
    }

    /// Takes the place of what was known at that place.
    pub(super) fn put(&mut self, receiver: Receiver<I>) {
        match self.at_mut(&receiver.place) {
            Some(known) => *known = receiver,
            None => self.0.push(receiver),
        }
    }

    pub(super) fn all(&self) -> &[Receiver<I>] {
        &self.0
    }

    /// Where it is connected, since last; if nowhere, where it was to the last.
    pub(super) fn current(&self) -> &Receiver<I> {
        let order =
            |known: &&Receiver<I>| (known.left.is_none(), known.left.unwrap_or(known.joined));
        let current = self.0.iter().max_by_key(order);
        current.expect("it was seen somewhere, or it would not be here")
    }

    /// Says whether anything is left.
    pub(super) fn retain(&mut self, keep: impl Fn(&Receiver<I>) -> bool) -> bool {
        self.0.retain(keep);
        !self.0.is_empty()
    }
}
