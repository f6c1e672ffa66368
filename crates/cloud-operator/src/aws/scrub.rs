//! Removes from AWS's words what nobody may see.
//!
//! Some answers echo the request: its canonical form, the string to sign, the access key ID. Access key IDs
//! are treated as secrets too.

/// The longest text that is kept, in bytes.
const LONGEST: usize = 400;
/// From any of these on, a text is an echo of the request or differs with every request.
const ECHOES: &[&str] = &[
    "canonical string",
    "canonical request",
    "canonicalrequest",
    "string-to-sign",
    "stringtosign",
    "string to sign",
    "encoded authorization failure message",
    "authorization:",
    "authorization header value",
    "credential=",
    "signature=",
    "x-amz-security-token",
    "x-amz-signature",
    "request id:",
];
/// Access key IDs are of 16 to 128 upper-case letters and digits; those of today start with `A`.
const SHORTEST_KEY_ID: usize = 16;
/// Secret keys are of 40 characters; tokens and signatures are longer.
const SHORTEST_SECRET: usize = 40;
const MASK: &str = "[removed]";

/// `text` on one line, bounded, without keys, tokens, signatures or echoes of the request.
pub fn scrub(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let end = ECHOES
        .iter()
        .filter_map(|echo| lower.find(echo))
        .min()
        .unwrap_or(text.len());
    let kept = text[..end]
        .split_whitespace()
        .map(mask)
        .collect::<Vec<_>>()
        .join(" ");
    let trimmed = kept.trim_end_matches([' ', ':', ';', ',', '.']);
    trimmed[..trimmed.floor_char_boundary(LONGEST)].to_owned()
}

/// Whether `code` can be an error code, so that it may be shown as it is and used as a label.
pub fn is_code(code: &str) -> bool {
    let letters = code
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    letters && (1..=64).contains(&code.len()) && mask(code) == code
}

/// `word` with every run that looks like a secret replaced.
fn mask(word: &str) -> String {
    let mut masked = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c| !is_secret_character(c)).unwrap_or(rest.len());
        if run == 0 {
            let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
            masked.push_str(&rest[..next]);
            rest = &rest[next..];
        } else {
            masked.push_str(if looks_secret(&rest[..run]) {
                MASK
            } else {
                &rest[..run]
            });
            rest = &rest[run..];
        }
    }
    masked
}

fn is_secret_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/')
}

fn looks_secret(run: &str) -> bool {
    is_key_id(run) || run.split('/').any(is_key_id) || is_long_secret(run)
}

fn is_key_id(run: &str) -> bool {
    run.len() >= SHORTEST_KEY_ID
        && run.starts_with('A')
        && run
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Base64 of some length mixes cases and digits; hexadecimal digests are all digits and a to f.
fn is_long_secret(run: &str) -> bool {
    let has = |kind: fn(&char) -> bool| run.chars().any(|c| kind(&c));
    let base64 =
        has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    let digest = run.chars().all(|c| c.is_ascii_hexdigit());
    run.len() >= SHORTEST_SECRET && (base64 || digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1";

    #[test]
    fn ordinary_words_stay_as_they_are() {
        for text in [
            "User: arn:aws:sts::123456789012:assumed-role/PlatformTeam/ns.name is not authorized to perform: s3:PutBucketTagging on resource: \"arn:aws:s3:::my-bucket\"",
            "dns error: failed to lookup address information: Name or service not known",
        ] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn keys_tokens_and_signatures_are_masked_wherever_they_stand() {
        let digest = "b0".repeat(32);
        for secret in [KEY_ID, SECRET, digest.as_str()] {
            for text in [
                format!("the key {secret} is unknown"),
                format!("key={secret}"),
                format!("<Key>{secret}</Key>"),
                format!("({secret}),"),
            ] {
                let scrubbed = scrub(&text);
                assert!(
                    !scrubbed.contains(secret) && scrubbed.contains(MASK),
                    "{scrubbed}"
                );
            }
        }
        assert_eq!(
            scrub(&format!("scope {KEY_ID}/20261121/us-east-1")),
            "scope [removed]-east-1"
        );
    }

    #[test]
    fn an_echo_of_the_request_is_cut_off() {
        let text = "The request signature we calculated does not match the signature you provided.\n\n\
                    The Canonical String for this request should have been\n'POST\n/\n'";
        assert_eq!(
            scrub(text),
            "The request signature we calculated does not match the signature you provided. The"
        );
        assert_eq!(
            scrub("denied. Encoded authorization failure message: 4GIOH..."),
            "denied"
        );
    }

    #[test]
    fn texts_are_bounded_on_a_character() {
        let scrubbed = scrub(&"ü ".repeat(1000));
        assert!(scrubbed.len() <= LONGEST && scrubbed.len() > LONGEST - 4);
    }

    #[test]
    fn codes_are_short_words() {
        assert!(is_code("KMS.NotFoundException"));
        for code in ["", "two words", KEY_ID, &"x".repeat(65)] {
            assert!(!is_code(code), "{code}");
        }
    }
}
