//! A facet is read at a glance: one file each, and a short one.

use std::{fs, path::Path};

use super::TABLE;

/// How many lines a facet's file may have, besides its tests.
const MOST_LINES: usize = 60;

/// How a file begins to say that it is a facet's.
const FACETS: [&str; 3] = ["impl Facet for ", "impl Each for ", "impl OnOff for "];

#[test]
fn every_facet_has_a_short_file_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/s3bucket/facets");
    let files = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut facets = 0;
    for file in files.filter(|file| file.is_file()) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
        let is_facet = |line: &&str| FACETS.iter().any(|start| line.starts_with(start));
        let found = lines.clone().filter(is_facet).count();
        let lines = lines.count();
        assert!(
            found == 0 || lines <= MOST_LINES,
            "{}: {lines} lines, at most {MOST_LINES} are allowed",
            file.display()
        );
        assert!(found <= 1, "{}: {found} facets, not one", file.display());
        facets += found;
    }
    assert_eq!(facets, TABLE.len(), "a file for each facet of the table");
}
