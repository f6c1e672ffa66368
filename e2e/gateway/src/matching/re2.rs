//! Regular expressions that Go's RE2 and Rust's `regex` both take, with the same meaning.

use regex::Regex;
use regex_syntax::ast::Flag;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassSet, ClassSetItem, Flags, FlagsItemKind, GroupKind, HexLiteralKind,
    Literal, LiteralKind, RepetitionKind, RepetitionRange, parse::ParserBuilder,
};

/// The most repetitions that RE2 unrolls, over all nested counts.
const MOST_REPETITIONS: u32 = 1000;

/// Compiles an expression.
///
/// # Errors
/// When RE2 would refuse it, or when it means something else there. What RE2 takes and Rust does
/// not (`\Q...\E`, octal escapes) is refused too.
pub(crate) fn regex(pattern: &str) -> Result<Regex, String> {
    let refused = |why: &dyn std::fmt::Display| {
        format!("invalid regex {pattern:?}: error parsing regexp: {why}")
    };
    let ast = ParserBuilder::new()
        .nest_limit(MOST_REPETITIONS)
        .build()
        .parse(pattern)
        .map_err(|e| refused(e.kind()))?;
    check(&ast, pattern).map_err(|why| refused(&why))?;
    Regex::new(pattern).map_err(|e| refused(&e))
}

/// The product of the counts around the deepest repetition.
fn check(ast: &Ast, pattern: &str) -> Result<u32, String> {
    match ast {
        Ast::Empty(_) | Ast::Dot(_) | Ast::ClassUnicode(_) | Ast::ClassPerl(_) => Ok(1),
        Ast::Flags(set) => flags(&set.flags).map(|()| 1),
        Ast::Literal(one) => literal(one).map(|()| 1),
        Ast::Assertion(one) => match one.kind {
            AssertionKind::StartLine
            | AssertionKind::EndLine
            | AssertionKind::StartText
            | AssertionKind::EndText
            | AssertionKind::WordBoundary
            | AssertionKind::NotWordBoundary => Ok(1),
            _ => Err("invalid escape sequence: word boundaries of one side".into()),
        },
        Ast::ClassBracketed(class) => class_set(&class.kind).map(|()| 1),
        Ast::Group(group) => {
            match &group.kind {
                GroupKind::CaptureIndex(_) => {}
                GroupKind::CaptureName { name, .. } => {
                    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    if !name.name.chars().all(word) {
                        return Err(format!("invalid named capture: {}", name.name));
                    }
                }
                GroupKind::NonCapturing(given) => flags(given)?,
            }
            check(&group.ast, pattern)
        }
        Ast::Repetition(repetition) => {
            if matches!(*repetition.ast, Ast::Repetition(_)) {
                return Err("invalid nested repetition operator".into());
            }
            let op = &repetition.op;
            let written = &pattern[op.span.start.offset..op.span.end.offset];
            if written.starts_with("{,") || written.contains(' ') {
                return Err(format!("a repetition that Go takes for text: {written}"));
            }
            let count = match &op.kind {
                RepetitionKind::Range(
                    RepetitionRange::Exactly(most)
                    | RepetitionRange::AtLeast(most)
                    | RepetitionRange::Bounded(_, most),
                ) => *most,
                _ => 1,
            };
            let total = check(&repetition.ast, pattern)?.saturating_mul(count.max(1));
            if total > MOST_REPETITIONS {
                return Err(format!("invalid repeat count: {written}"));
            }
            Ok(total)
        }
        Ast::Alternation(several) => most(&several.asts, pattern),
        Ast::Concat(several) => most(&several.asts, pattern),
    }
}

fn most(asts: &[Ast], pattern: &str) -> Result<u32, String> {
    asts.iter()
        .try_fold(1, |most, ast| Ok(most.max(check(ast, pattern)?)))
}

fn flags(given: &Flags) -> Result<(), String> {
    for item in &given.items {
        let known = matches!(
            item.kind,
            FlagsItemKind::Negation
                | FlagsItemKind::Flag(
                    Flag::CaseInsensitive
                        | Flag::MultiLine
                        | Flag::DotMatchesNewLine
                        | Flag::SwapGreed
                )
        );
        if !known {
            return Err("invalid or unsupported Perl syntax: a flag other than i, m, s, U".into());
        }
    }
    Ok(())
}

fn literal(one: &Literal) -> Result<(), String> {
    match one.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err("invalid escape sequence: \\u".into())
        }
        _ => Ok(()),
    }
}

fn class_set(set: &ClassSet) -> Result<(), String> {
    match set {
        ClassSet::BinaryOp(_) => Err("class operations have no meaning in Go".into()),
        ClassSet::Item(item) => class_item(item),
    }
}

fn class_item(item: &ClassSetItem) -> Result<(), String> {
    match item {
        ClassSetItem::Literal(one) => literal(one),
        ClassSetItem::Range(range) => literal(&range.start).and(literal(&range.end)),
        ClassSetItem::Bracketed(_) => Err("a class in a class has no meaning in Go".into()),
        ClassSetItem::Union(union) => union.items.iter().try_for_each(class_item),
        ClassSetItem::Empty(_)
        | ClassSetItem::Ascii(_)
        | ClassSetItem::Unicode(_)
        | ClassSetItem::Perl(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("^/api/v[0-9]+(/.*)?$")]
    #[case("(?i)abc|(?P<name>x)|(?<other>y)")]
    #[case("[[:alpha:]\\d]{2,5}?")]
    #[case("\\x{41}\\pL\\bz\\B")]
    #[case("(a{30}){30}")]
    #[case("a{0}")]
    fn what_both_take(#[case] pattern: &str) {
        regex(pattern).unwrap();
    }

    #[rstest]
    #[case("(")]
    #[case("(?=x)")]
    #[case("(a)\\1")]
    #[case("a**")]
    #[case("a{2}{3}")]
    #[case("a{1001}")]
    #[case("(a{40}){40}")]
    #[case("(?x) a b")]
    #[case("(?u:a)")]
    #[case("\\u0041")]
    #[case("[\\u0041-z]")]
    #[case("[a-z&&b]")]
    #[case("[a[b]]")]
    #[case("a{,5}")]
    #[case("\\b{start}a")]
    #[case("(?P<a.b>x)")]
    fn what_go_refuses_or_reads_otherwise(#[case] pattern: &str) {
        let refusal = regex(pattern).unwrap_err();
        assert!(refusal.contains("error parsing regexp"), "{refusal}");
    }
}
