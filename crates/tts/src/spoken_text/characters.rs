//! Everything that has an equal in ASCII becomes it; the rest goes.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Currency signs stand before a number and are spoken after it.
const CURRENCIES: [(char, &str); 5] =
    [('€', " euros"), ('£', " pounds"), ('¥', " yen"), ('₹', " rupees"), ('₩', " won")];

/// The text in printable ASCII and line ends.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if let Some((_, name)) = CURRENCIES.iter().find(|(sign, _)| *sign == c) {
            let (number, after) = rest.split_at(length_of_number(rest));
            folded.push_str(number);
            folded.push_str(name);
            rest = after;
        } else if c == '°' && rest.starts_with(['C', 'F']) {
            folded.push_str(if rest.starts_with('C') { CELSIUS } else { FAHRENHEIT });
            rest = &rest[1..];
        } else {
            fold_character(c, &mut folded);
        }
    }
    folded
}

const CELSIUS: &str = " degrees Celsius";
const FAHRENHEIT: &str = " degrees Fahrenheit";

/// Digits, with points and commas between them.
fn length_of_number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let belongs = |index: &usize| {
        is_digit(*index) || (matches!(bytes[*index], b'.' | b',') && is_digit(*index + 1))
    };
    if is_digit(0) { (0..bytes.len()).take_while(belongs).count() } else { 0 }
}

fn fold_character(c: char, folded: &mut String) {
    if matches!(c, '\n' | ' '..='~') {
        folded.push(c);
    } else if let Some(equal) = typographic(c).or_else(|| letter(c)).or_else(|| sign(c)) {
        folded.push_str(equal);
    } else if c.is_whitespace() {
        folded.push(' ');
    } else if !is_invisible(c) && !is_combining_mark(c) {
        let before = folded.len();
        for part in std::iter::once(c).nfkd().filter(|part| *part != c) {
            fold_character(part, folded);
        }
        if folded.len() == before {
            // other scripts and pictures: words on both sides stay apart
            folded.push(' ');
        }
    }
}

fn typographic(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{85}' | '\u{2028}' | '\u{2029}' => "\n",
        '‘' | '’' | '‚' | '‛' | '′' | '‹' | '›' | '´' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '−' => "-",
        // with spaces, since voices pause there
        '—' | '―' => " -- ",
        '…' => "...",
        '•' | '‣' | '◦' | '▪' | '●' => "- ",
        '⁄' | '∕' => "/",
        '。' => ". ",
        '、' => ", ",
        _ => return None,
    })
}

/// Latin letters that Unicode does not take apart.
fn letter(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ı' => "i",
        'ł' => "l",
        'Ł' => "L",
        'ŋ' => "ng",
        'Ŋ' => "NG",
        'þ' => "th",
        'Þ' => "Th",
        'ŧ' => "t",
        'Ŧ' => "T",
        _ => return None,
    })
}

fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '℃' => CELSIUS,
        '℉' => FAHRENHEIT,
        '°' => " degrees ",
        '×' => " times ",
        '÷' => " divided by ",
        '±' => " plus or minus ",
        '≈' => " about ",
        '≠' => " not equal to ",
        '≤' => " less than or equal to ",
        '≥' => " greater than or equal to ",
        '→' | '⇒' => " to ",
        '¢' => " cents",
        // the space keeps them apart from a number before
        '½' => " 1/2",
        '⅓' => " 1/3",
        '⅔' => " 2/3",
        '¼' => " 1/4",
        '¾' => " 3/4",
        '™' | '℠' | '·' => " ",
        _ => return None,
    })
}

/// What takes no place: controls, soft hyphens, joiners, direction marks, variation selectors.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
