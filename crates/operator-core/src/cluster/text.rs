//! Text within the limits that the API server sets.

/// `text` in at most `limit` bytes, cut between characters and marked with an ellipsis where it was cut.
pub(crate) fn shortened(mut text: String, limit: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("short".into(), 5), "short");
        assert_eq!(shortened("longer".into(), 5), "lo…");
        assert_eq!(
            shortened("ééé".into(), 5),
            "é…",
            "é has two bytes; the second does not fit whole"
        );
        for limit in 3..40 {
            let cut = shortened("日本語のテキスト".repeat(3), limit);
            assert!(cut.len() <= limit && cut.ends_with('…'), "{limit}: {cut}");
        }
    }
}
