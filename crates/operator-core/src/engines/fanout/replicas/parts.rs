//! A version's contents, cut into messages of bounded size.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use replica_protocol as wire;

use super::{
    super::contents::{Contents, Digest, Entry},
    LONGEST_PART,
    hear::{Malformed, digest, id},
};

/// What `contents` differs in from `base`; from nothing without one. At least one message.
pub(super) fn cut<I>(contents: &Contents<I>, base: Option<&Contents<I>>) -> Vec<wire::Contents>
where
    I: Ord + Clone + fmt::Display,
{
    let nothing = Contents::new([]);
    let empty = |base: Option<&Contents<I>>| wire::Contents {
        version: contents.version().as_bytes().to_vec(),
        base: base.map_or_else(Vec::new, |base| base.version().as_bytes().to_vec()),
        more: true,
        ..wire::Contents::default()
    };
    let (mut parts, mut size) = (vec![empty(base)], 0);
    for changed in contents.changes(base.unwrap_or(&nothing)) {
        if size >= LONGEST_PART {
            parts.push(empty(base));
            size = 0;
        }
        let part = parts.last_mut().expect("one was there from the start");
        let id = changed.to_string();
        // With what protobuf needs around them.
        size += id.len() + 32;
        match contents.get(changed) {
            Some(digest) => part.changed.push(wire::Entry {
                id,
                digest: digest.as_bytes().to_vec(),
            }),
            None => part.removed.push(id),
        }
    }
    let last = parts.last_mut().expect("one was there from the start");
    last.more = false;
    parts
}

/// Contents of which not every part has come.
pub(super) struct Joining<I> {
    version: Digest,
    base: Option<Digest>,
    changed: Vec<Arc<Entry<I>>>,
    removed: Vec<I>,
}

impl<I> Joining<I>
where
    I: Ord + Clone + fmt::Display + FromStr,
{
    /// With the first part.
    pub(super) fn new(part: &wire::Contents) -> Result<Self, Malformed> {
        Ok(Self {
            version: digest("contents.version", &part.version)?,
            base: base(part)?,
            changed: Vec::new(),
            removed: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, part: wire::Contents) -> Result<(), Malformed> {
        if digest("contents.version", &part.version)? != self.version || base(&part)? != self.base {
            let version = self.version;
            return Err(Malformed(format!(
                "contents: a part of something else than {version}, of which more was to come"
            )));
        }
        for entry in part.changed {
            self.changed.push(Arc::new(Entry {
                id: id("contents.changed.id", &entry.id)?,
                digest: digest("contents.changed.digest", &entry.digest)?,
            }));
        }
        for removed in part.removed {
            self.removed.push(id("contents.removed", &removed)?);
        }
        Ok(())
    }

    /// What all parts together make of what was told before.
    pub(super) fn join(
        self,
        told: &BTreeMap<Digest, Arc<Contents<I>>>,
    ) -> Result<Contents<I>, Malformed> {
        let base = match self.base {
            None => None,
            Some(base) => Some(told.get(&base).ok_or_else(|| {
                Malformed(format!("contents.base: {base} was not told in this stream"))
            })?),
        };
        let mut removed = self.removed;
        removed.sort();
        let stays = |entry: &&Arc<Entry<I>>| removed.binary_search(&entry.id).is_err();
        let kept = base.into_iter().flat_map(|base| base.entries());
        // Of two with one ID the last counts.
        let contents = Contents::new(kept.filter(stays).cloned().chain(self.changed));
        if contents.version() == self.version {
            return Ok(contents);
        }
        Err(Malformed(format!(
            "contents.version: {} is not the name of what was told, which is {}",
            self.version,
            contents.version()
        )))
    }
}

fn base(part: &wire::Contents) -> Result<Option<Digest>, Malformed> {
    let given = Some(&part.base).filter(|base| !base.is_empty());
    given.map(|base| digest("contents.base", base)).transpose()
}
