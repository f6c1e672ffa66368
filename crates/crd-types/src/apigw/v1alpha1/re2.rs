//! Whether an expression is one of RE2, the regular expressions of Go.
//!
//! Source: <https://github.com/google/re2/wiki/Syntax>, as Go's `regexp/syntax` reads it with its flag `Perl`.

use super::re2_classes::is_unicode_class;

/// Whether RE2 compiles this.
pub(super) fn compiles(expression: &str) -> bool {
    let mut reader = Reader {
        rest: expression,
        outer: Vec::new(),
        most: 1,
        last: 1,
    };
    reader.read().is_some() && reader.outer.is_empty()
}

struct Reader<'a> {
    rest: &'a str,
    /// For each group that is open, how often something before it in the group around it is repeated at most.
    outer: Vec<u32>,
    /// The same for what was read of the innermost group before the last item: the product of nested counts.
    most: u32,
    /// The same for the item that was read last.
    last: u32,
}

/// What stands before a repetition operator.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Nothing that can be repeated.
    Nothing,
    /// Something that can.
    Item,
    /// Something that is repeated already.
    Repeated,
}

impl Before {
    /// After something that matches nothing by itself, as `(?i)` does.
    fn interrupted(self) -> Self {
        match self {
            Self::Repeated => Self::Item,
            before => before,
        }
    }
}

/// The highest count in a repetition, and the highest product of nested ones.
const MOST_REPETITIONS: u32 = 1000;

/// How deep groups may lie in each other. RE2 has a limit of 1000 nodes, of which a group has up to four.
const DEEPEST: usize = 250;

impl Reader<'_> {
    /// Reads all; none at the first fault.
    fn read(&mut self) -> Option<()> {
        let mut before = Before::Nothing;
        while let Some(char) = self.next() {
            before = match char {
                '(' => {
                    let opens = self.open()?;
                    if opens {
                        Before::Nothing
                    } else {
                        before.interrupted()
                    }
                }
                ')' => {
                    self.close()?;
                    Before::Item
                }
                '|' => Before::Nothing,
                '[' => {
                    self.class()?;
                    self.item()
                }
                '\\' => match self.rest.strip_prefix('Q') {
                    Some(literal) => {
                        let (literal, after) = literal.split_once("\\E").unwrap_or((literal, ""));
                        self.rest = after;
                        if literal.is_empty() {
                            before.interrupted()
                        } else {
                            self.item()
                        }
                    }
                    None => {
                        self.escape(false)?;
                        self.item()
                    }
                },
                '*' | '+' | '?' => self.repeat(before)?,
                '{' => match counts(self.rest) {
                    Some((least, most, after)) => {
                        let in_order = most.is_none_or(|most| least <= most);
                        if !in_order || least.max(most.unwrap_or(0)) > MOST_REPETITIONS {
                            return None;
                        }
                        self.rest = after;
                        let repeated = self.repeat(before)?;
                        self.multiply(most.unwrap_or(least))?;
                        repeated
                    }
                    None => self.item(),
                },
                _ => self.item(),
            };
        }
        Some(())
    }

    /// A character, a class or a place was read.
    fn item(&mut self) -> Before {
        self.most = self.most.max(self.last);
        self.last = 1;
        Before::Item
    }

    /// The last item is repeated so often.
    fn multiply(&mut self, count: u32) -> Option<()> {
        self.last = self.last.saturating_mul(count).max(1);
        (self.last <= MOST_REPETITIONS).then_some(())
    }

    fn enter(&mut self) -> Option<()> {
        self.outer.push(self.most.max(self.last));
        (self.most, self.last) = (1, 1);
        (self.outer.len() <= DEEPEST).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        self.last = self.most.max(self.last);
        self.most = self.outer.pop()?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }

    fn repeat(&mut self, before: Before) -> Option<Before> {
        if before != Before::Item {
            return None;
        }
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        Some(Before::Repeated)
    }

    /// Reads what follows an opening parenthesis; false for flags alone, `(?i)`, which open no group.
    fn open(&mut self) -> Option<bool> {
        let Some(special) = self.rest.strip_prefix('?') else {
            self.enter()?;
            return Some(true);
        };
        let named = special
            .strip_prefix("P<")
            .or_else(|| special.strip_prefix('<'));
        if let Some(named) = named {
            let (name, after) = named.split_once('>')?;
            let is_word = |char: char| char == '_' || char.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(is_word) {
                return None;
            }
            self.rest = after;
            self.enter()?;
            return Some(true);
        }
        self.rest = special;
        let (mut negated, mut needs_flag) = (false, false);
        loop {
            match self.next()? {
                'i' | 'm' | 's' | 'U' => needs_flag = false,
                '-' if !negated => (negated, needs_flag) = (true, true),
                ':' if !needs_flag => {
                    self.enter()?;
                    return Some(true);
                }
                ')' if !needs_flag => return Some(false),
                _ => return None,
            }
        }
    }

    /// Reads a class after its opening bracket.
    fn class(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix('^').unwrap_or(self.rest);
        let mut is_first = true;
        loop {
            if !is_first && let Some(after) = self.rest.strip_prefix(']') {
                self.rest = after;
                return Some(());
            }
            is_first = false;
            if let Some(named) = self.rest.strip_prefix("[:")
                && let Some((name, after)) = named.split_once(":]")
            {
                let name = name.strip_prefix('^').unwrap_or(name);
                if !NAMED_CLASSES.contains(&name) {
                    return None;
                }
                self.rest = after;
                continue;
            }
            // A class within a class cannot begin a range: a `-` after it stands for itself.
            let Some(low) = self.class_item()? else {
                continue;
            };
            let range = self.rest.strip_prefix('-');
            if let Some(after) = range.filter(|after| !after.is_empty() && !after.starts_with(']'))
            {
                self.rest = after;
                let high = self.class_item()??;
                if high < low {
                    return None;
                }
            }
        }
    }

    /// Reads a character of a class; none within for a class such as `\d`.
    fn class_item(&mut self) -> Option<Option<char>> {
        match self.next()? {
            '\\' => self.escape(true),
            char => Some(Some(char)),
        }
    }

    /// Reads what follows a backslash: the character that it means, or none within for a class or a place.
    fn escape(&mut self, within_class: bool) -> Option<Option<char>> {
        let char = self.next()?;
        match char {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Some(None),
            'A' | 'b' | 'B' | 'z' if !within_class => Some(None),
            'p' | 'P' => match self.next()? {
                '{' => {
                    let (name, after) = self.rest.split_once('}')?;
                    self.rest = after;
                    is_unicode_class(name).then_some(None)
                }
                class if "CLMNPSZ".contains(class.to_ascii_uppercase()) => Some(None),
                _ => None,
            },
            '0'..='7' => {
                let is_octal = |text: &str| text.starts_with(|next| matches!(next, '0'..='7'));
                if char != '0' && !is_octal(self.rest) {
                    return None;
                }
                let mut value = char.to_digit(8)?;
                for _ in 0..2 {
                    if is_octal(self.rest) {
                        value = value * 8 + self.next()?.to_digit(8)?;
                    }
                }
                char::from_u32(value).map(Some)
            }
            'x' => self.hexadecimal().map(Some),
            'a' => Some(Some('\u{7}')),
            'f' => Some(Some('\u{c}')),
            'n' => Some(Some('\n')),
            'r' => Some(Some('\r')),
            't' => Some(Some('\t')),
            'v' => Some(Some('\u{b}')),
            _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Some(Some(char)),
            _ => None,
        }
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = match self.rest.strip_prefix('{') {
            Some(braced) => {
                let (digits, after) = braced.split_once('}')?;
                self.rest = after;
                digits
            }
            None => {
                let digits = self.rest.get(..2)?;
                self.rest = &self.rest[2..];
                digits
            }
        };
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let code = u32::from_str_radix(digits, 16).ok()?;
        // A surrogate is a code point to Go, though no character.
        (code <= 0x10_FFFF).then(|| char::from_u32(code).unwrap_or('\u{FFFD}'))
    }
}

const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// `n}`, `n,}` or `n,m}` and what follows; none if it is no repetition, for then the brace is a character.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (inside, after) = text.split_once('}')?;
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        (plain && !digits.is_empty() && !leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    match inside.split_once(',') {
        None => number(inside).map(|count| (count, Some(count), after)),
        Some((least, "")) => Some((number(least)?, None, after)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), after)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::compiles;

    // Every corner is tried against the API server's own RE2 in the admission tests.
    #[rstest]
    #[case(r"^/users/(?P<id>\d{1,9})(/.*)?$", true)]
    #[case(r"[[:alpha:]_-]+|\x{1F600}", true)]
    #[case("(?=ahead)", false)]
    #[case(r"(a)\1", false)]
    #[case("a**", false)]
    #[case("(open", false)]
    #[case("[open", false)]
    #[case("(a{30}){30}b{1000}", true)]
    #[case("(a{40}){40}", false)]
    #[case("((a{2}|b){25,}c){21}", false)]
    #[case("((a{1000}){0}b){1000}", true)]
    #[case("(a*){1000}", true)]
    #[case("a{40}(b|c){40}", true)]
    #[case(r"\p{Greek}\P{^lowercase_letter}\pL", true)]
    #[case(r"\p{Klingon}", false)]
    fn corners(#[case] expression: &str, #[case] is_one: bool) {
        assert_eq!(compiles(expression), is_one, "{expression}");
    }
}
