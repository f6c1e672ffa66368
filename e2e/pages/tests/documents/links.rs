//! Whoever reads a page and follows a link arrives: at a file that is there, and at a heading of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::markdown::Page;
use crate::{pages, root};

/// As many lines as the README may have, which tells what everybody wants to know.
const README_LINES: usize = 150;

/// The file that a link leads to, or why it leads nowhere.
fn destination(
    pages: &BTreeMap<PathBuf, Page>,
    from: &Path,
    link: &str,
) -> Result<PathBuf, String> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let file = match path {
        "" => from.to_owned(),
        path if path.starts_with('/') => return Err("it begins at the root".to_owned()),
        path => {
            let folder = from.parent().unwrap_or(from);
            let file = folder.join(path).canonicalize();
            file.map_err(|_| format!("there is no {path}"))?
        }
    };
    if !heading.is_empty() {
        let page = pages.get(&file).ok_or("a heading of what is no page")?;
        if !page.headings.contains(heading) {
            let headings: Vec<_> = page.headings.iter().map(String::as_str).collect();
            return Err(format!("its headings are: {}", headings.join(", ")));
        }
    }
    Ok(file)
}

fn is_outside(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let (root, pages) = (root()?, pages()?);
    let mut faults = Vec::new();
    let mut followed = 0;
    for (from, page) in &pages {
        for link in page.links.iter().filter(|link| !is_outside(link)) {
            followed += 1;
            if let Err(why) = destination(&pages, from, link) {
                let from = from.strip_prefix(&root)?.display();
                faults.push(format!("{from}: {link}: {why}"));
            }
        }
    }
    ensure!(faults.is_empty(), "\n{}", faults.join("\n"));
    ensure!(followed > 100, "{followed} links were found");
    Ok(())
}

#[test]
fn every_page_for_users_is_reached_from_the_readme() -> Result<()> {
    let (root, pages) = (root()?, pages()?);
    let mut reached = BTreeSet::new();
    let mut next = vec![root.join("README.md")];
    while let Some(file) = next.pop() {
        let page = pages.get(&file);
        if !reached.insert(file.clone()) {
            continue;
        }
        for link in page.iter().flat_map(|page| &page.links) {
            if !is_outside(link)
                && let Ok(file) = destination(&pages, &file, link)
            {
                next.push(file);
            }
        }
    }
    for file in pages.keys() {
        let file_shown = file.strip_prefix(&root)?;
        let for_users = ["docs", "charts", "examples"];
        if for_users
            .iter()
            .any(|folder| file_shown.starts_with(folder))
        {
            ensure!(
                reached.contains(file),
                "no link leads from README.md to {}",
                file_shown.display()
            );
        }
    }
    Ok(())
}

#[test]
fn the_readme_stays_one_page() -> Result<()> {
    let lines = fs::read_to_string(root()?.join("README.md"))?
        .lines()
        .count();
    ensure!(
        lines <= README_LINES,
        "README.md has {lines} lines, {README_LINES} are allowed: move what only some need to docs/"
    );
    Ok(())
}
