//! The rules, each a function of one file.

use super::source::Source;

/// The rooms from the ground up. Those in one line stand beside each other.
const FLOORS: [&[&str]; 10] = [
    &["model"],
    &["journal"],
    &["wire"],
    &["action"],
    &["run", "runbook", "provider"],
    &["plan"],
    &["sim", "engine"],
    &["report"],
    &["cli"],
    &["lib", "main"],
];

/// What a room may not know although it stands above it.
const STRANGERS: [(&str, &str); 5] = [
    ("sim", "provider"),
    ("sim", "action"),
    ("engine", "provider"),
    ("plan", "provider"),
    ("report", "sim"),
];
/// Tests need a catalogue.
const TESTED_WITH_THE_CATALOGUE: [(&str, &str); 2] =
    [("plan", "provider"), ("runbook", "provider")];

const MOST_LINES: usize = 500;

pub(super) fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Everything that is wrong with a file.
pub(super) fn broken(source: &Source) -> Vec<String> {
    let mut all = arrows(source);
    all.extend(unfinished(source));
    all.extend(talk(source));
    all.extend(parser(source));
    let lines = source.text.lines().count();
    if lines > MOST_LINES && !source.is_test() {
        all.push(format!("{}: {lines} lines are more than {MOST_LINES}", source.path));
    }
    all
}

fn arrows(source: &Source) -> Vec<String> {
    let Some((room, here)) = source.room().and_then(|room| Some((room, floor(room)?))) else {
        return Vec::new();
    };
    let wrong = |(line, other): (usize, String)| {
        let there = floor(&other).filter(|_| other != room)?;
        let at = format!("{}:{line}", source.path);
        let pair = (room, other.as_str());
        if source.is_test() && TESTED_WITH_THE_CATALOGUE.contains(&pair) {
            return None;
        }
        if STRANGERS.contains(&pair) {
            return Some(format!("{at}: `{room}` may not know `{other}`"));
        }
        let place = match there.cmp(&here) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => "beside",
            std::cmp::Ordering::Greater => "below",
        };
        Some(format!("{at}: `{room}` stands {place} `{other}`, and uses it"))
    };
    source.rooms_named().into_iter().filter_map(wrong).collect()
}

/// The lines of a text in which one of these stands, as a name of its own.
fn lines_with(source: &Source, text: &str, words: &[&str], why: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_name))
    };
    let wrong = |(number, line): (usize, &str)| {
        let word = words.iter().find(|word| stands(line, word))?;
        Some(format!("{}:{}: `{word}` {why}", source.path, number + 1))
    };
    text.lines().enumerate().filter_map(wrong).collect()
}

fn unfinished(source: &Source) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut all = lines_with(source, &source.text, &marks, "is a note of something unfinished");
    let calls = ["todo!", "unimplemented!", "dbg!"];
    all.extend(lines_with(source, &source.code, &calls, "is something unfinished"));
    all
}

fn talk(source: &Source) -> Vec<String> {
    if source.room() == Some("cli") {
        return Vec::new();
    }
    let mut words = vec![
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "io::stdout",
        "io::stderr",
        "io::stdin",
        "env::var",
        "env::current_dir",
        "env::home_dir",
        "process::exit",
    ];
    // The program itself hands its arguments over.
    if source.path != "src/main.rs" {
        words.push("env::args");
    }
    lines_with(source, &source.code, &words, "is for `cli` alone")
}

fn parser(source: &Source) -> Vec<String> {
    if source.path == "src/runbook/yaml.rs" || source.path.starts_with("src/runbook/yaml/") {
        return Vec::new();
    }
    lines_with(source, &source.code, &["granit_parser"], "is for `runbook/yaml` alone")
}
