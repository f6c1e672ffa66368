//! The floors of this crate import only downward, and the deciding floor does no I/O.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// From the bottom up.
const FLOORS: [&str; 4] = ["decide", "cluster", "engines", "process"];

/// What the deciding floor may use besides the standard library: values and their forms, nothing that acts.
const VALUES: [&str; 5] = ["jiff", "k8s_openapi", "serde", "strum", "thiserror"];

/// What single files of the deciding floor may use on top of that.
const EXCEPTIONS: [(&str, &[&str]); 2] = [
    ("decide/key.rs", &["kube::Resource"]),
    (
        "decide/clock.rs",
        &["tokio::select", "tokio::sync::watch", "tokio::time::sleep"],
    ),
];

/// The parts of the standard library that act on the world or depend on it.
const ACTING: [&str; 7] = ["env", "fs", "io", "net", "os", "process", "thread"];

/// One source file, by its path below `src`, without its tests.
struct Source {
    file: String,
    paths: Vec<Vec<String>>,
}

impl Source {
    fn parse(file: &str, text: &str) -> Self {
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut paths = Vec::new();
        collect_paths(&without_tests(tokens), &[], &mut paths);
        Self {
            file: file.to_owned(),
            paths,
        }
    }

    /// The modules that the file lies in, then its own.
    fn module(&self) -> Vec<&str> {
        let stem = self.file.trim_end_matches(".rs").trim_end_matches("/mod");
        stem.split('/').collect()
    }

    /// A path from the root of the crate, if it is one of this crate's.
    fn resolved<'a>(&'a self, path: &'a [String]) -> Option<Vec<&'a str>> {
        let supers = path
            .iter()
            .take_while(|segment| *segment == "super")
            .count();
        let module = self.module();
        let base = match path.first()?.as_str() {
            "crate" => return Some(path[1..].iter().map(String::as_str).collect()),
            "super" => &module[..module.len().saturating_sub(supers)],
            _ => return None,
        };
        Some(
            base.iter()
                .copied()
                .chain(path[supers..].iter().map(String::as_str))
                .collect(),
        )
    }

    /// Imports from a floor above, or past the floors.
    fn upward(&self) -> Vec<String> {
        let floor = |name| FLOORS.iter().position(|floor| *floor == name);
        let own = floor(self.module()[0]).unwrap_or_else(|| panic!("{} is on no floor", self.file));
        let resolved = self.paths.iter().filter_map(|path| self.resolved(path));
        let upward = resolved.filter(|path| {
            path.first()
                .is_some_and(|first| floor(first).is_none_or(|floor| floor > own))
        });
        upward
            .map(|path| format!("{} uses {}", self.file, path.join("::")))
            .collect()
    }

    /// What acts or may act on the world, in a file of the deciding floor.
    fn acts(&self, dependencies: &[String]) -> Vec<String> {
        let exceptions = EXCEPTIONS.iter().filter(|(file, _)| *file == self.file);
        let allowed = Vec::from_iter(exceptions.flat_map(|(_, paths)| *paths));
        let acts = self.paths.iter().filter(|path| {
            let [first, second, ..] = path.as_slice() else {
                return false;
            };
            let acts = match first.as_str() {
                "std" => ACTING.contains(&second.as_str()),
                first => dependencies.iter().any(|name| name == first) && !VALUES.contains(&first),
            };
            acts && !allowed
                .iter()
                .any(|allowed| path.join("::").starts_with(*allowed))
        });
        acts.map(|path| format!("{} uses {}", self.file, path.join("::")))
            .collect()
    }
}

/// Leaves out every item under `#[cfg(test)]`.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut skipping = false;
    for token in tokens {
        let ends_item = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        let is_cfg_test = matches!(&token, TokenTree::Group(group)
            if group.delimiter() == Delimiter::Bracket && group.stream().to_string().replace(' ', "") == "cfg(test)");
        if is_cfg_test {
            skipping = true;
        } else if !skipping {
            kept.push(token);
        } else if ends_item {
            skipping = false;
        }
    }
    kept
}

/// Every path in the tokens; a tree of `use` below `prefix` is written out.
fn collect_paths(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Vec<String>>) {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    let mut path = prefix.to_vec();
    let mut continues = !prefix.is_empty();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(name) if continues => path.push(name.to_string()),
            TokenTree::Ident(name) => {
                found.push(std::mem::replace(&mut path, vec![name.to_string()]))
            }
            TokenTree::Group(group) => {
                let tree = continues && group.delimiter() == Delimiter::Brace;
                let before = std::mem::take(&mut path);
                collect_paths(
                    &without_tests(group.stream()),
                    if tree { &before } else { &[] },
                    found,
                );
                if !tree {
                    found.push(before);
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                found.push(std::mem::replace(&mut path, prefix.to_vec()));
                continues = !prefix.is_empty();
                continue;
            }
            _ if is_colon(Some(token)) && is_colon(tokens.get(at + 1)) => {}
            _ if is_colon(Some(token)) && at > 0 && is_colon(tokens.get(at - 1)) => {
                continues = true;
                continue;
            }
            _ => found.push(std::mem::take(&mut path)),
        }
        continues = false;
    }
    found.push(path);
    found.retain(|path| !path.is_empty());
}

/// All files of the floors, but for those that are tests as a whole.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for floor in FLOORS {
        walk(&root.join(floor), &mut files);
    }
    let name = |path: &Path| {
        path.strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    files
        .iter()
        .map(|path| Source::parse(&name(path), &fs::read_to_string(path).unwrap()))
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let owners = [folder.join("mod.rs"), folder.with_extension("rs")];
    let owner = owners.iter().find_map(|file| fs::read_to_string(file).ok());
    let owner = owner.unwrap_or_else(|| panic!("{} belongs to no module", folder.display()));
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if owner.contains(&format!("#[cfg(test)]\nmod {name};")) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The crate's dependencies, as code names them.
fn dependencies() -> Vec<String> {
    let manifest = include_str!("../Cargo.toml");
    let section = manifest
        .split("\n[")
        .find_map(|section| section.strip_prefix("dependencies]"));
    let lines = section.expect("the crate has dependencies").lines();
    let names = lines.filter_map(|line| line.split(['.', '=', ' ']).next());
    names
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[test]
fn floors_import_only_downward() {
    let upward = Vec::from_iter(sources().iter().flat_map(Source::upward));
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn the_deciding_floor_does_nothing() {
    let (sources, dependencies) = (sources(), dependencies());
    let deciding = sources
        .iter()
        .filter(|source| source.module()[0] == "decide");
    let acts = Vec::from_iter(deciding.flat_map(|source| source.acts(&dependencies)));
    assert!(acts.is_empty(), "{acts:#?}");
}

#[test]
fn no_file_is_overlooked() {
    let sources = sources();
    for floor in FLOORS {
        let files = sources.iter().filter(|source| source.module()[0] == floor);
        assert!(files.count() > 1, "no files on the floor {floor}");
    }
    for (file, _) in EXCEPTIONS {
        assert!(
            sources.iter().any(|source| source.file == file),
            "{file} is gone: so may its exception be"
        );
    }
}

#[rstest::rstest]
#[case::plain("cluster/a.rs", "use crate::engines::external;", &["engines::external"])]
#[case::in_a_tree("cluster/a.rs", "use crate::{cluster::b, engines::{c, d}};", &["engines::c", "engines::d"])]
#[case::in_an_expression("cluster/a.rs", "fn f() { crate::process::stop(); }", &["process::stop"])]
#[case::in_a_type("decide/a.rs", "struct S(Vec<crate::cluster::T>);", &["cluster::T"])]
#[case::by_super("decide/a/b.rs", "use super::{super::super::cluster::c, d};", &["cluster::c"])]
#[case::from_a_mod_file("decide/a/mod.rs", "use super::super::cluster::c;", &["cluster::c"])]
#[case::past_the_floors("process/a.rs", "use crate::Shortcut;", &["Shortcut"])]
#[case::downward("process/a.rs", "use crate::{decide::a, cluster::b, engines::c, process::d};", &[])]
#[case::within("cluster/a/b.rs", "use super::{super::c, d}; pub(crate) struct E;", &[])]
#[case::in_tests("decide/a.rs", "#[cfg(test)] mod t { use crate::process; } struct S;", &[])]
#[case::in_a_comment("decide/a.rs", "/// See [`crate::process`]. \nstruct S; // crate::process", &[])]
fn what_points_upward(#[case] file: &str, #[case] text: &str, #[case] expected: &[&str]) {
    let expected = Vec::from_iter(expected.iter().map(|path| format!("{file} uses {path}")));
    assert_eq!(Source::parse(file, text).upward(), expected);
}

#[rstest::rstest]
#[case::network("decide/a.rs", "use tokio::{net::TcpStream, time};", &["tokio::net::TcpStream", "tokio::time"])]
#[case::client("decide/key.rs", "use kube::{Api, Resource};", &["kube::Api"])]
#[case::files("decide/a.rs", "fn f() { std::fs::read(p); }", &["std::fs::read"])]
#[case::clock("decide/clock.rs", "fn f() { tokio::time::sleep(d); tokio::spawn(g); }", &["tokio::spawn"])]
#[case::values("decide/a.rs", "use std::sync::Arc; use serde::Serialize; fn f(c: kube) {}", &[])]
#[case::in_tests("decide/a.rs", "#[cfg(test)] mod t { use std::fs::read; }", &[])]
fn what_acts(#[case] file: &str, #[case] text: &str, #[case] expected: &[&str]) {
    let expected = Vec::from_iter(expected.iter().map(|path| format!("{file} uses {path}")));
    assert_eq!(Source::parse(file, text).acts(&dependencies()), expected);
}
