//! Recordings of `docs/recordings` are such as players take: asciicast v2.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::root;

/// What a clone and a page can well bear.
const LARGEST: usize = 64 * 1024;

#[test]
fn recordings_can_be_played() -> Result<()> {
    let folder = root()?.join("docs/recordings");
    let mut seen = 0;
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|it| it == "cast") {
            let cast = fs::read_to_string(&file)?;
            playable(&cast).with_context(|| file.display().to_string())?;
            seen += 1;
        }
    }
    ensure!(seen > 0, "there is no recording");
    Ok(())
}

fn playable(cast: &str) -> Result<()> {
    ensure!(cast.len() <= LARGEST, "{} bytes", cast.len());
    let mut lines = cast.lines();
    let header: Value = serde_json::from_str(lines.next().context("a header")?)?;
    ensure!(header["version"] == 2, "{header}");
    ensure!(
        header["width"].is_u64() && header["height"].is_u64(),
        "{header}"
    );
    let mut now = 0.0;
    let mut shown = String::new();
    for line in lines {
        let (at, kind, text): (f64, String, String) = serde_json::from_str(line)?;
        ensure!(at >= now && kind == "o", "{line}");
        now = at;
        shown += &text;
    }
    // It was told to its end.
    let title = header["title"].as_str().context("a title")?;
    ensure!(
        shown.starts_with(&format!("$ {title}\r\n")),
        "it shows {title}"
    );
    ensure!(shown.contains("What to look at next"), "it has an end");
    Ok(())
}
