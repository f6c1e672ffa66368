//! Names of Unicode classes, as in `\p{Greek}`.
//!
//! Source: the tables of Go's package `unicode` (Unicode 15), as `regexp/syntax` of Go 1.26 looks names up: in any
//! case, without `_`, `-` and blanks. It does not find scripts of several words.

/// Whether RE2 knows this class.
pub(super) fn is_unicode_class(name: &str) -> bool {
    let name = name.strip_prefix('^').unwrap_or(name);
    let plain: String = name
        .chars()
        .filter(|char| !matches!(char, '_' | '-' | ' '))
        .map(|char| char.to_ascii_lowercase())
        .collect();
    let known = |names: &[&str]| names.contains(&plain.as_str());
    known(&SPECIAL) || known(&CATEGORIES) || known(&SCRIPTS)
}

/// Sets that are neither category nor script.
#[rustfmt::skip]
const SPECIAL: [&str; 3] = [
    "any", "ascii", "assigned",
];

/// General categories, short and long.
#[rustfmt::skip]
const CATEGORIES: [&str; 80] = [
    "c", "cc", "cf", "cn", "co", "cs", "l", "lc", "ll", "lm", "lo", "lt", "lu", "m", "mc", "me",
    "mn", "n", "nd", "nl", "no", "p", "pc", "pd", "pe", "pf", "pi", "po", "ps", "s", "sc", "sk",
    "sm", "so", "z", "zl", "zp", "zs", "casedletter", "closepunctuation", "cntrl", "combiningmark",
    "connectorpunctuation", "control", "currencysymbol", "dashpunctuation", "decimalnumber",
    "digit", "enclosingmark", "finalpunctuation", "format", "initialpunctuation", "letter",
    "letternumber", "lineseparator", "lowercaseletter", "mark", "mathsymbol", "modifierletter",
    "modifiersymbol", "nonspacingmark", "number", "openpunctuation", "other", "otherletter",
    "othernumber", "otherpunctuation", "othersymbol", "paragraphseparator", "privateuse", "punct",
    "punctuation", "separator", "spaceseparator", "spacingmark", "surrogate", "symbol",
    "titlecaseletter", "unassigned", "uppercaseletter",
];

/// Scripts.
#[rustfmt::skip]
const SCRIPTS: [&str; 117] = [
    "adlam", "ahom", "arabic", "armenian", "avestan", "balinese", "bamum", "batak", "bengali",
    "bhaiksuki", "bopomofo", "brahmi", "braille", "buginese", "buhid", "carian", "chakma", "cham",
    "cherokee", "chorasmian", "common", "coptic", "cuneiform", "cypriot", "cyrillic", "deseret",
    "devanagari", "dogra", "duployan", "elbasan", "elymaic", "ethiopic", "georgian", "glagolitic",
    "gothic", "grantha", "greek", "gujarati", "gurmukhi", "han", "hangul", "hanunoo", "hatran",
    "hebrew", "hiragana", "inherited", "javanese", "kaithi", "kannada", "katakana", "kawi",
    "kharoshthi", "khmer", "khojki", "khudawadi", "lao", "latin", "lepcha", "limbu", "lisu",
    "lycian", "lydian", "mahajani", "makasar", "malayalam", "mandaic", "manichaean", "marchen",
    "medefaidrin", "miao", "modi", "mongolian", "mro", "multani", "myanmar", "nabataean",
    "nandinagari", "newa", "nko", "nushu", "ogham", "oriya", "osage", "osmanya", "palmyrene",
    "phoenician", "rejang", "runic", "samaritan", "saurashtra", "sharada", "shavian", "siddham",
    "sinhala", "sogdian", "soyombo", "sundanese", "syriac", "tagalog", "tagbanwa", "takri", "tamil",
    "tangsa", "tangut", "telugu", "thaana", "thai", "tibetan", "tifinagh", "tirhuta", "toto",
    "ugaritic", "vai", "vithkuqi", "wancho", "yezidi", "yi",
];
