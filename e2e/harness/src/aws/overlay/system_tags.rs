//! Tags that AWS itself gives to a bucket, as CloudFormation does to those of its stacks: their keys begin with `aws:`.
//! Moto refuses all of them, so it is given them under other keys.
//!
//! AWS refuses a set of tags that lacks one of them, or has another: `InvalidTag`, "System tags cannot be removed by
//! requester"; "… cannot be added/updated by requester" (API Reference, `PutBucketTagging`, "InvalidTag").

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::Correct;
use crate::aws::{refusal, s3::S3Call};

/// A request with this header is AWS's own: what it tags, nobody else can.
const BY_AWS: &str = "x-overlay-by-aws";
/// What the keys begin with.
const SHOWN: &str = "<Key>aws:";
/// What they begin with in moto.
const HIDDEN: &str = "<Key>overlay-aws:";

/// Shows the tags under their own keys.
pub(super) const CORRECT: Correct = Correct {
    operation: "GetBucketTagging",
    correct: show,
};

fn show(reply: Response<Bytes>) -> Response<Bytes> {
    match std::str::from_utf8(reply.body()) {
        Ok(text) if reply.status().is_success() && text.contains(HIDDEN) => {
            refusal::xml(StatusCode::OK, text.replace(HIDDEN, SHOWN))
        }
        _ => reply,
    }
}

/// The body as moto takes it; none where it is no set of tags, or has no such tag.
pub(super) fn hide(call: &S3Call) -> Option<String> {
    let text = std::str::from_utf8(&call.body).ok()?;
    let hides = call.operation == "PutBucketTagging" && text.contains(SHOWN);
    hides.then(|| text.replace(SHOWN, HIDDEN))
}

/// Refuses a set of tags for a bucket that has others of AWS's own.
pub(super) fn judge(call: &S3Call, asked: &str, has: &str) -> Option<Response<Bytes>> {
    if call.headers.contains_key(BY_AWS) {
        return None;
    }
    let (asked, has) = (of_aws(asked), of_aws(has));
    let done = match has.is_subset(&asked) {
        true if asked.len() == has.len() => return None,
        true => "added/updated",
        false => "removed",
    };
    let message = format!("System tags cannot be {done} by requester");
    Some(refusal::s3(StatusCode::BAD_REQUEST, "InvalidTag", &message))
}

/// Key and value of each such tag.
fn of_aws(tags: &str) -> BTreeSet<String> {
    let tags = tags.replace(HIDDEN, SHOWN);
    let all = tags.split(SHOWN).skip(1).map(|tag| {
        let (key, rest) = tag.split_once("</Key>").unwrap_or((tag, ""));
        let value = rest
            .split_once("<Value>")
            .and_then(|(_, rest)| rest.split_once("</Value>"));
        format!("{key}={}", value.map_or("", |(value, _)| value))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_of_aws_are_looked_at_with_their_values() {
        let tags = "<TagSet><Tag><Key>team</Key><Value>a</Value></Tag><Tag><Key>aws:a</Key>\n<Value>1</Value></Tag>\
                    <Tag><Key>overlay-aws:b</Key><Value></Value></Tag></TagSet>";
        let found: Vec<String> = of_aws(tags).into_iter().collect();
        assert_eq!(found, ["a=1", "b="]);
    }
}
