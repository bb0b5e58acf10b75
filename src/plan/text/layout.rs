//! How the texts of a plan are made to fit.

/// A name in this room, with both ends.
pub(super) fn cut_middle(text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let tail = (room - 1) / 2;
    let head: String = text.chars().take(room - 1 - tail).collect();
    head + "…" + &text.chars().skip(length - tail).collect::<String>()
}

/// A text in lines, broken between words: how wide each of them may be goes by its place.
pub(super) fn wrapped(text: &str, room: impl Fn(usize) -> usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > room(lines.len() - 1) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Parts in a row, as many in a line as fit; one that fits in none is broken.
pub(super) fn packed(parts: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let length = part.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + ", ".len() + length < room => {
                line.push_str(", ");
                line.push_str(part);
            }
            above => {
                if let Some(line) = above {
                    line.push(',');
                }
                lines.extend(wrapped(part, |_| room));
            }
        }
    }
    lines
}

/// How long the longest word of a text is.
pub(super) fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0)
}
