//! The conditions of an operator's objects, and their reasons, as users read them: `docs/conditions`.

use std::fmt::Write;

use operator_core::{
    cluster::{
        self,
        conditions::{self, READY, RECONCILING, STALLED},
        events::Severity,
    },
    decide::reason::{Row, Shown},
    engines::controller,
};

/// A condition, and what it says.
pub type Meaning = (&'static str, &'static str);

/// The conditions of every kind.
const CONDITIONS: [Meaning; 3] = [
    (
        READY,
        "True: what the spec says is in force, for the generation in `observedGeneration`. False: it is not, or not yet",
    ),
    (
        RECONCILING,
        "True while work goes on, or something is waited for or tried again; else it is not there",
    ),
    (
        STALLED,
        "True where nothing goes on until somebody edits it or what it refers to, though it is looked at again once in `RECONCILE_INTERVAL`; else it is not there",
    ),
];

const READ: &str = "\
Conditions are read as [kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) reads them, so that `kubectl wait`, Helm, Flux and Argo CD understand every kind.
The message says in full what was found, what is allowed and what to do. Annotations are those of the kind's group: `reconcile-requested-at` stands for";

const EVENTS: &str = "\
Where `Ready` changes, an event of the same reason tells it: *Normal*, or *Warning* where somebody may want to look. A Ready object keeps its conditions for 15 minutes of what passes by itself.
What is tried again is tried ever more seldom; an edit, or another value of the annotation `reconcile-requested-at`, has it tried at once.
";

/// Reasons under a heading.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// What to know first; may be empty.
    pub intro: &'static str,
    /// The reasons.
    pub tables: &'static [&'static [Row]],
}

/// The page on what the objects of an operator may say of themselves. `own` are conditions beside those of every
/// kind.
pub fn page(operator: &str, group: &str, own: &[Meaning], sections: &[Section]) -> String {
    let mut page = format!(
        "# Conditions and reasons of `{operator}`\n\n{READ} `{group}/reconcile-requested-at`.\n\n\
         | condition | what it says |\n|---|---|\n"
    );
    for (kind, meaning) in CONDITIONS.iter().chain(own) {
        let _ = writeln!(page, "| `{kind}` | {meaning} |");
    }
    let _ = write!(page, "\n{EVENTS}");
    let of_every_kind = Section {
        title: "Every kind",
        intro: "",
        tables: &[cluster::reasons::REASONS, controller::reasons::REASONS],
    };
    for section in sections.iter().chain([&of_every_kind]) {
        write_section(&mut page, section);
    }
    page.push_str(
        "\nMade by `cargo xtask gen-docs` from the tables that its reasons are made by.\n",
    );
    page
}

fn write_section(page: &mut String, section: &Section) {
    let _ = write!(page, "\n## {}\n\n", section.title);
    if !section.intro.is_empty() {
        let _ = write!(page, "{}\n\n", section.intro);
    }
    page.push_str(
        "| reason | conditions | event | what has happened | what to do |\n|---|---|---|---|---|\n",
    );
    let mut rows = section.tables.concat();
    rows.sort_unstable_by_key(|it| it.name);
    for row in rows {
        let Row {
            name,
            shown,
            meaning,
            remedy,
        } = row;
        let ways = once(shown, way, " or ");
        let own = once(shown, own, "; ");
        let both = [ways, own].into_iter().filter(|it| !it.is_empty());
        let conditions = both.collect::<Vec<_>>().join("; ");
        let event = once(shown, event, " or ");
        let _ = writeln!(
            page,
            "| `{name}` | {conditions} | {event} | {meaning} | {remedy} |"
        );
    }
}

/// What the places have of this sort, each once.
fn once(shown: &[Shown], sort: fn(&Shown) -> Option<String>, between: &str) -> String {
    let mut told = Vec::new();
    for text in shown.iter().filter_map(sort) {
        if !told.contains(&text) {
            told.push(text);
        }
    }
    told.join(between)
}

/// The conditions of one way in which a pass ends; a reason may be given by several.
fn way(shown: &Shown) -> Option<String> {
    let pass = !matches!(shown, Shown::Own(..) | Shown::Event | Shown::Warning);
    pass.then(|| conditions(shown))
}

/// A condition of the kind's own, which stands beside.
fn own(shown: &Shown) -> Option<String> {
    matches!(shown, Shown::Own(..)).then(|| conditions(shown))
}

fn conditions(shown: &Shown) -> String {
    let own = match *shown {
        Shown::Own(kind, holds) => Some((kind, holds)),
        _ => None,
    };
    let all = conditions::of(*shown).iter().copied().chain(own);
    let one = |(kind, holds)| format!("`{kind}={}`", if holds { "True" } else { "False" });
    all.map(one).collect::<Vec<_>>().join(", ")
}

fn event(shown: &Shown) -> Option<String> {
    let severity: &str = Severity::of(*shown)?.into();
    Some(severity.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GADGET: &[Row] = &[
        Row {
            name: "Waits",
            shown: &[Shown::AtWork, Shown::Refused, Shown::Own("Seen", false)],
            meaning: "it is late",
            remedy: "wait",
        },
        Row {
            name: "Told",
            shown: &[Shown::Event, Shown::Own("Seen", true), Shown::Warning],
            meaning: "it was seen",
            remedy: "none",
        },
    ];

    #[test]
    fn a_row_tells_where_a_reason_is_given() {
        let section = Section {
            title: "Gadget",
            intro: "Gadgets are small.",
            tables: &[GADGET],
        };
        let own = [("Seen", "somebody looked")];
        let page = page("gadget-operator", "gadgets.example", &own, &[section]);
        for part in [
            "## Gadget\n\nGadgets are small.\n\n| reason |",
            "| `Told` | `Seen=True` | Normal or Warning | it was seen | none |\n\
             | `Waits` | `Ready=False`, `Reconciling=True` or `Ready=False`, `Stalled=True`; `Seen=False` | \
             Normal or Warning | it is late | wait |\n",
            "| `Seen` | somebody looked |",
            "| `Unreadable` | `Ready=False`, `Stalled=True` or `Ready=False`, `Reconciling=True` | Warning |",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
}
