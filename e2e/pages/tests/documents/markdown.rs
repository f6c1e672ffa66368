//! As much of Markdown as it takes to follow links and to look names up.

use std::collections::BTreeSet;

/// A page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The targets of its links, as they are written.
    pub links: Vec<String>,
    /// Its headings, as a link names them.
    pub headings: BTreeSet<String>,
    /// What stands in its text as code.
    pub code: Vec<String>,
}

impl Page {
    /// Reads a page.
    pub fn read(text: &str) -> Self {
        let mut page = Self::default();
        let text = without_blocks(text);
        for line in text.lines() {
            if let Some(heading) = heading(line) {
                page.add_heading(heading);
            }
        }
        for paragraph in text.split("\n\n") {
            let (text, code) = apart_from_code(paragraph);
            page.links.extend(links(&text));
            page.code.extend(code);
        }
        page
    }

    /// A second heading of the same text is told apart by a number.
    fn add_heading(&mut self, text: &str) {
        let name = name(text);
        let again = (1..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(again);
        let free = names.find(|name| !self.headings.contains(name));
        self.headings.extend(free);
    }
}

/// The text of a heading: one to six `#`, and a blank.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (1..=6).contains(&level).then(|| text.strip_prefix(' '))?
}

/// What a link calls a heading: its letters, digits, `-` and `_`, in lower case, with `-` for each blank.
fn name(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect::<String>().to_lowercase()
}

/// The text without what stands between lines of three backticks.
fn without_blocks(text: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        kept.push_str(if inside || is_fence { "" } else { line });
        kept.push('\n');
    }
    kept
}

/// A paragraph without what stands in it as code, between backticks and as many of them; and that.
fn apart_from_code(paragraph: &str) -> (String, Vec<String>) {
    let (mut kept, mut code) = (String::new(), Vec::new());
    let mut rest = paragraph;
    while let Some(start) = rest.find('`') {
        let (before, marked) = rest.split_at(start);
        let inner = marked.trim_start_matches('`');
        let ticks = marked.len() - inner.len();
        kept.push_str(before);
        rest = match end_of_code(inner, ticks) {
            Some(end) => {
                code.push(inner[..end - ticks].to_owned());
                &inner[end..]
            }
            None => inner,
        };
    }
    kept.push_str(rest);
    (kept, code)
}

/// Behind the first run of exactly so many backticks.
fn end_of_code(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        at = start + run;
        if run == ticks {
            return Some(at);
        }
    }
    None
}

/// Targets of `[text](target)`, and of lines `[name]: target`.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let named = text.lines().filter(|line| line.starts_with('['));
    let named = named.filter_map(|line| line.split_once("]: ").map(|(_, target)| target));
    let targets = inline.chain(named);
    // A title may follow.
    let targets = targets.filter_map(|target| target.split_whitespace().next());
    targets.map(str::to_owned).collect()
}

#[test]
fn links_and_headings_are_found_and_code_is_none() {
    let page = Page::read(
        "# The *first* of `many`: one\n\nSee [`this`](a.md#b), [that](c.md \"a title\"), and `[no](link)`.\n\n\
         ## Again\n## Again\n#hashtag\n\n| [x](x.md) | ``a ` [y](y.md)`` [z](z.md) |\n\n```sh\n# no heading\n[no](link)\n```\n\
         [there]: https://example.org\n",
    );
    assert_eq!(
        page.links,
        ["a.md#b", "c.md", "x.md", "z.md", "https://example.org"]
    );
    let headings: Vec<_> = page.headings.iter().map(String::as_str).collect();
    assert_eq!(headings, ["again", "again-1", "the-first-of-many-one"]);
    let code = ["many", "this", "[no](link)", "a ` [y](y.md)"];
    assert_eq!(page.code, code);
}
