//! How large an image is, and the page that says so.

use std::fmt::{self, Display, Formatter};

use anyhow::Result;
use xshell::Shell;

use super::archive::Archive;
use super::platform::Platform;
use crate::sbom::closure::Closure;

const PAGE: &str = "docs/benchmarks/images.md";

const HEAD: &str = "\
# Images: sizes

Each line is written by `cargo xtask image OPERATOR --record`, of the image that it has just built. Compressed is what a node
pulls, unpacked what then lies on its disk; 1 MB is 1,000,000 bytes. What is in an image, and why: [images](../images.md).

| image | for | compressed | aim | unpacked | of commit | how |
|---|---|---|---|---|---|---|
";

/// What an image may take compressed, in MB: with the AWS SDK in it, and without.
const AIM_WITH_SDK: u32 = 45;
const AIM: u32 = 25;

/// The size of an operator's image.
#[derive(Debug)]
pub struct Size {
    /// In bytes.
    compressed: u64,
    /// In bytes.
    unpacked: u64,
    /// In MB.
    aim: u32,
}

impl Size {
    /// That of an image of this program.
    pub fn of(program: &Closure, image: &Archive) -> Self {
        let mut crates = program.linked();
        let has_sdk = crates.any(|id| id.name.starts_with("aws-sdk-"));
        Self {
            compressed: image.compressed(),
            unpacked: image.unpacked(),
            aim: if has_sdk { AIM_WITH_SDK } else { AIM },
        }
    }

    fn judged(&self) -> String {
        let kept = self.compressed <= u64::from(self.aim) * 1_000_000;
        let word = if kept { "kept" } else { "**missed**" };
        format!("≤ {} MB: {word}", self.aim)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (compressed, unpacked) = (mb(self.compressed), mb(self.unpacked));
        write!(
            f,
            "{compressed} compressed (aim {}), {unpacked} unpacked",
            self.judged()
        )
    }
}

/// Writes an image's line, in place of an earlier one of the same operator and platform.
///
/// # Errors
/// When the page cannot be written.
pub fn write(
    sh: &Shell,
    operator: &str,
    platform: Platform,
    size: &Size,
    commit: &str,
    how: &str,
) -> Result<()> {
    let start = format!("| {operator} | {} |", platform.name());
    let rest = [
        mb(size.compressed),
        size.judged(),
        mb(size.unpacked),
        commit.get(..12).unwrap_or(commit).to_owned(),
        how.to_owned(),
    ];
    let before = if sh.path_exists(PAGE) {
        sh.read_file(PAGE)?
    } else {
        String::new()
    };
    sh.write_file(PAGE, page(&before, &start, &rest.join(" | ")))?;
    println!("Written to {PAGE}");
    Ok(())
}

fn page(before: &str, start: &str, rest: &str) -> String {
    let is_other = |line: &&str| line.starts_with("| ") && !line.starts_with("| image ");
    let others = before.lines().filter(is_other);
    let mut lines: Vec<_> = others
        .filter(|line| !line.starts_with(start))
        .map(str::to_owned)
        .collect();
    lines.push(format!("{start} {rest} |"));
    lines.sort();
    format!("{HEAD}{}\n", lines.join("\n"))
}

/// As in `12.3 MB`.
fn mb(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_rounded_up_and_judged_by_its_bytes() {
        let size = |compressed| Size {
            compressed,
            unpacked: 60_000_001,
            aim: AIM,
        };
        assert_eq!(
            size(25_000_000).to_string(),
            "25.0 MB compressed (aim ≤ 25 MB: kept), 60.1 MB unpacked"
        );
        assert_eq!(size(25_000_001).judged(), "≤ 25 MB: **missed**");
    }

    #[test]
    fn a_line_takes_the_place_of_its_own_images_alone() {
        let one = page("", "| b-operator | linux/amd64 |", "1.0 MB");
        assert_eq!(
            one,
            format!("{HEAD}| b-operator | linux/amd64 | 1.0 MB |\n")
        );
        let two = page(&one, "| a-operator | linux/amd64 |", "2.0 MB");
        let again = page(&two, "| b-operator | linux/amd64 |", "3.0 MB");
        let lines =
            "| a-operator | linux/amd64 | 2.0 MB |\n| b-operator | linux/amd64 | 3.0 MB |\n";
        assert_eq!(again, format!("{HEAD}{lines}"));
    }
}
