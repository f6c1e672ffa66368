//! What a gateway's words say about objects.

/// Whether the words name an object: as a whole word, for `api` is no word of `api-v1`.
pub fn names(words: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    let outside = |c: Option<char>| c.is_none_or(|c| !part_of_name(c));
    words.match_indices(name).any(|(at, found)| {
        let (before, after) = (&words[..at], &words[at + found.len()..]);
        let mut after = after.chars();
        let (next, following) = (after.next(), after.next());
        // A full stop that ends a sentence is no part of a name.
        let ends = outside(next) || (next == Some('.') && outside(following));
        outside(before.chars().next_back()) && ends
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"route "api": bad regex"#, true)]
    #[case("failed on api", true)]
    #[case("failed on api.", true)]
    #[case("api: no", true)]
    #[case("spec.match[0] of default/api is bad", true)]
    #[case("route api-v1 is bad", false)]
    #[case("my-api is bad", false)]
    #[case("host api.example.com", false)]
    #[case("", false)]
    fn a_name_is_a_whole_word(#[case] words: &str, #[case] named: bool) {
        assert_eq!(names(words, "api"), named);
    }
}
