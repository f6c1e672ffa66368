//! The forms in which a secret may show itself.

use k8s_openapi::ByteString;

/// What must not be found anywhere.
pub struct Needles(Vec<(String, String)>);

/// A part of a secret this long gives too much of it away.
const PART: usize = 12;

impl Needles {
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            let middle = secret.len() / 2;
            for part in [
                &secret[middle - PART / 2..][..PART],
                &secret[secret.len() - PART..],
            ] {
                needles.push((format!("part of {secret}"), part.to_owned()));
                let bytes: Vec<_> = part.bytes().map(|byte| byte.to_string()).collect();
                needles.push((format!("bytes of {secret}"), bytes.join(", ")));
            }
            // Wherever it stands in what was encoded.
            for before in 0..3 {
                let text = format!("{}{secret}", "x".repeat(before));
                let encoded = base64(&text);
                let inner = &encoded[4..encoded.len() - 4];
                needles.push((format!("base64 of {secret}"), inner.to_owned()));
            }
        }
        Self(needles)
    }

    /// What of it is in `text`, and the line around.
    pub fn find(&self, text: &str) -> Option<String> {
        let text_of = |line: &str| line.chars().take(2000).collect::<String>();
        self.0.iter().find_map(|(what, needle)| {
            let line = text.lines().find(|line| line.contains(needle))?;
            Some(format!("{what}: {}", text_of(line)))
        })
    }
}

fn base64(text: &str) -> String {
    let encoded = serde_json::to_value(ByteString(text.as_bytes().to_vec()));
    let encoded = encoded.expect("bytes are written as a string");
    encoded.as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_form_is_found_and_nothing_else() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let needles = Needles::of([secret]);
    let bytes = secret.as_bytes();
    for leak in [
        secret.to_owned(),
        format!("key={}", &secret[10..]),
        base64(secret),
        base64(&format!("{{\"secret\":\"{secret}\"}}")),
        base64(&format!("a {secret}, b")),
        format!("{bytes:?}"),
    ] {
        assert!(needles.find(&leak).is_some(), "{leak}");
    }
    assert_eq!(
        needles.find("wJal is four letters, RfiCYEX are seven"),
        None
    );
}
