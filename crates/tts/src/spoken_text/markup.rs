//! Markdown and HTML go; their content stays, unless it is not meant to be heard.

/// An HTML tag is no longer than this; longer is a comparison.
const LONGEST_TAG: usize = 60;

/// ASCII text without the markup that spans more than one character.
pub(super) fn removed(text: &str) -> String {
    let text = without_thoughts(text);
    let text = without_between(&text, "```");
    let text = without_between(&text, "~~~");
    let text = links_replaced(&text);
    let text = addresses_replaced(&text);
    lines_joined(&without_tags(&text))
}

/// Thoughts without an end go on, so all is thought; without a beginning, they began before.
fn without_thoughts(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut spoken = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((start, end)) = find_tag(&lower, at, &["<think>", "<thinking>"]) {
        if let Some((_, end_of_orphan)) = last_tag(&lower[..start], at) {
            spoken.clear();
            at = end_of_orphan;
        }
        spoken.push_str(&text[at..start]);
        at = find_tag(&lower, end, &["</think>", "</thinking>"]).map_or(text.len(), |(_, end)| end);
    }
    if let Some((_, end_of_orphan)) = last_tag(&lower, at) {
        spoken.clear();
        at = end_of_orphan;
    }
    spoken.push_str(&text[at..]);
    spoken
}

fn find_tag(text: &str, from: usize, tags: &[&str]) -> Option<(usize, usize)> {
    tags.iter()
        .filter_map(|tag| text[from..].find(tag).map(|at| (from + at, from + at + tag.len())))
        .min()
}

fn last_tag(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut last = None;
    let mut at = from;
    while let Some(found) = find_tag(text, at, &["</think>", "</thinking>"]) {
        last = Some(found);
        at = found.1;
    }
    last
}

/// Drops what stands between two fences; behind the last of an odd number, all.
fn without_between(text: &str, fence: &str) -> String {
    text.split(fence).step_by(2).collect::<Vec<_>>().join("\n")
}

/// `[text](url)` and `![text](url)` become the text.
fn links_replaced(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = split_at_link(rest) {
        replaced.push_str(before.strip_suffix('!').unwrap_or(before));
        replaced.push_str(name);
        rest = after;
    }
    replaced + rest
}

fn split_at_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(middle) = text[from..].find("](").map(|at| from + at) {
        let start = text[..middle].rfind('[');
        let end = text[middle..].find([')', '\n']).map(|at| middle + at);
        if let (Some(start), Some(end)) = (start, end)
            && text[end..].starts_with(')')
        {
            return Some((&text[..start], &text[start + 1..middle], &text[end + 1..]));
        }
        from = middle + 2;
    }
    None
}

/// Web addresses become the word "link".
pub(super) fn addresses_replaced(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = start_of_address(rest) {
        replaced.push_str(&rest[..start]);
        replaced.push_str("link");
        let end = rest[start..].find(is_outside_of_address).map_or(rest.len(), |at| start + at);
        let address = rest[start..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
        rest = &rest[start + address.len()..];
        // as Markdown has it; else it looks like a tag
        if replaced.ends_with("<link") && rest.starts_with('>') {
            replaced.truncate(replaced.len() - "<link".len());
            replaced.push_str("link");
            rest = &rest[1..];
        }
    }
    replaced + rest
}

fn start_of_address(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let schemes =
        ["http://", "https://", "ftp://"].into_iter().filter_map(|scheme| lower.find(scheme));
    let bare = lower.match_indices("www.").map(|(at, _)| at).find(|&at| {
        let follows = lower[at + 4..].starts_with(|c: char| c.is_ascii_alphanumeric());
        let in_word = lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        follows && !in_word
    });
    schemes.chain(bare).min()
}

fn is_outside_of_address(c: char) -> bool {
    c.is_ascii_whitespace() || "<>\"'()[]{}|`".contains(c)
}

fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        let inside = tag.strip_prefix('/').unwrap_or(tag);
        let end = tag.find(['<', '>', '\n']).filter(|&end| {
            let is_named = inside.starts_with(|c: char| c.is_ascii_alphabetic());
            is_named && end <= LONGEST_TAG && tag[end..].starts_with('>')
        });
        plain.push(if end.is_some() { ' ' } else { '<' });
        rest = end.map_or(tag, |end| &tag[end + 1..]);
    }
    plain + rest
}

/// Puts all lines on one, without rules, bullets, headings' and quotations' marks. List items and
/// headings end with a comma where they have no mark of their own, so that voices pause.
fn lines_joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut was_item = false;
    for line in text.lines().map(str::trim).filter(|line| !is_rule(line)) {
        let content = without_leading_marks(line);
        let is_item = content.len() < line.len();
        if content.is_empty() {
            continue;
        }
        let is_open =
            joined.trim_end_matches(['*', '_', '`']).ends_with(|c: char| c.is_ascii_alphanumeric());
        if is_open && (is_item || was_item) {
            joined.push(',');
        }
        joined.push(' ');
        joined.push_str(content);
        was_item = is_item;
    }
    joined
}

/// Lines of three or more of the same mark, and of tables.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "-*_=|: ".contains(c))
}

/// The line without its bullets, `#`s of a heading and `>` of a quotation.
fn without_leading_marks(line: &str) -> &str {
    let rest = line.trim_start_matches(['#', '>', '-', '+', '*']);
    let marks = &line[..line.len() - rest.len()];
    let is_one_mark = marks.len() == 1 || marks.chars().all(|c| c == '#' || c == '>');
    if marks.is_empty() || !is_one_mark || !rest.starts_with([' ', '\t']) {
        return line;
    }
    without_leading_marks(rest.trim_start())
}
