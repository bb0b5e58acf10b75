//! Prints; nothing else does. Data goes to stdout, talk to stderr.
//!
//! A closed pipe ends the printing quietly and never the work: whoever stopped reading wants no more of it.

use super::settings::Settings;
use crate::{
    model::{Failure, Hint},
    report::{NO_WIDTH, hang},
};
use anstyle::{AnsiColor, Style};
use std::{
    fmt::Write as _,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = Style::new().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// What stands before every line of a simulated run.
pub(super) const MARK: &str = "SIMULATED ";

/// The one way out to stdout and stderr. Clones mark their lines alike.
#[derive(Clone, Debug)]
pub(super) struct Say {
    is_simulated: Arc<AtomicBool>,
    data_columns: usize,
    columns: usize,
}

impl Say {
    pub(super) fn new() -> Self {
        Self { is_simulated: Arc::default(), data_columns: NO_WIDTH, columns: NO_WIDTH }
    }

    /// Breaks what is wider than the terminals that it goes to.
    pub(super) fn within(self, settings: &Settings) -> Self {
        let (data_columns, columns) = (settings.data_columns, settings.columns);
        Self { data_columns, columns, ..self }
    }

    /// Marks every line from now on.
    pub(super) fn mark_simulated(&self) {
        self.is_simulated.store(true, Ordering::Relaxed);
    }

    /// How wide data may be, beside its mark.
    pub(super) fn width(&self) -> usize {
        self.data_columns.saturating_sub(self.mark().len())
    }

    /// What was asked for.
    pub(super) fn data(&self, text: &str) {
        print(anstream::stdout().lock(), &self.marked(&broken(text, self.width())));
    }

    /// A document or an object, which a mark before its lines would break; it bears its own.
    #[expect(clippy::unused_self, reason = "who prints must have been given the right to")]
    pub(super) fn document(&self, text: &str) {
        print(anstream::stdout().lock(), text);
    }

    /// What somebody who watches should know.
    pub(super) fn talk(&self, text: &str) {
        print(anstream::stderr().lock(), &self.marked(&broken(text, self.talk_width())));
    }

    pub(super) fn failure(&self, failure: &Failure) {
        let text = render(failure, self.talk_width());
        print(anstream::stderr().lock(), &self.marked(text.trim_end()));
    }

    fn talk_width(&self) -> usize {
        self.columns.saturating_sub(self.mark().len())
    }

    fn mark(&self) -> &'static str {
        if self.is_simulated.load(Ordering::Relaxed) { MARK } else { "" }
    }

    fn marked(&self, text: &str) -> String {
        let mark = self.mark();
        let line = |line: &str| format!("{}\n", format!("{mark}{line}").trim_end());
        if text.is_empty() { line("") } else { text.lines().map(line).collect() }
    }
}

/// Draws on the terminal, where a view stands there.
pub(super) fn draw(text: &str) {
    print(std::io::stderr().lock(), text);
}

fn print(mut out: impl Write, text: &str) {
    // Only a closed pipe or a full disk can stop this, and there is no better place to say so.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// A line that is too wide, broken between words. A text of several lines was laid out by whoever made it.
fn broken(text: &str, width: usize) -> String {
    let fits = text.trim_end().contains('\n') || text.chars().count() <= width;
    if fits {
        text.to_owned()
    } else {
        hang("    ", text, width).join("\n").trim_start().to_owned()
    }
}

/// What failed, why, where things stand and what to do next, each under its word.
pub(super) fn render(failure: &Failure, width: usize) -> String {
    let mut out = String::new();
    let mut said = |style, label: &str, lines: &[String]| {
        paragraph(&mut out, (style, label), lines, width);
    };
    said(ERROR, "error:", std::slice::from_ref(&failure.what));
    for cause in &failure.causes {
        said(LABEL, "caused by:", std::slice::from_ref(cause));
    }
    if !failure.state.is_empty() {
        let label = if failure.causes.is_empty() { "state:" } else { "state:    " };
        said(LABEL, label, &failure.state);
    }
    for Hint { says, command } in &failure.hints {
        paragraph(&mut out, (HINT, "hint:"), std::slice::from_ref(says), width);
        // What is to be pasted stays whole.
        for line in command.iter().flat_map(|command| command.lines()) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "      {line}");
        }
    }
    out
}

/// A label, and its lines aligned beside it.
fn paragraph(out: &mut String, (style, label): (Style, &str), lines: &[String], width: usize) {
    let mut before = format!("{style}{label}{style:#}");
    let room = width.saturating_sub(label.len() + 1);
    for line in lines.iter().flat_map(|line| line.lines()).flat_map(|line| hang("", line, room)) {
        let _ = writeln!(out, "{before} {line}");
        before = " ".repeat(label.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&render(failure, 72)).to_string()
    }

    #[test]
    fn a_failure_says_what_why_where_things_stand_and_what_to_type() {
        let failure =
            Failure::new(Exit::Failed, "step `promote` failed: Azure will not promote pg")
                .because("PATCH …/pg answered 400 ReplicaNotSymmetric, request id 8f2c")
                .standing("6 of 11 steps done; storage goes on in Azure")
                .standing("users see the maintenance page")
                .hint(Hint::run("try it again", "failover resume 7f3k"))
                .hint(Hint::says("look at the portal"));
        assert_eq!(
            plain(&failure),
            "\
error: step `promote` failed: Azure will not promote pg
caused by: PATCH …/pg answered 400 ReplicaNotSymmetric, request id 8f2c
state:     6 of 11 steps done; storage goes on in Azure
           users see the maintenance page
hint: try it again
      failover resume 7f3k
hint: look at the portal
"
        );
    }

    #[test]
    fn a_state_without_a_cause_stands_close_to_its_label() {
        let failure = Failure::new(Exit::Locked, "another run holds the lock on `proseware`")
            .standing("run 7f3k, eastus → westus, by asha on bastion-2");
        assert_eq!(
            plain(&failure),
            "\
error: another run holds the lock on `proseware`
state: run 7f3k, eastus → westus, by asha on bastion-2
"
        );
    }

    #[test]
    fn prose_is_broken_between_words_and_a_command_stays_whole() {
        let command = "failover resume 7f3k --done promote --note \"…\" --state /a/long/folder";
        let failure = Failure::new(
            Exit::Failed,
            "step `promote` failed: no answer from management.azure.com: nothing within 10 s",
        )
        .hint(Hint::run(
            "it was done by hand: have that looked at, and go on with all the rest",
            command,
        ));
        assert_eq!(
            plain(&failure),
            "\
error: step `promote` failed: no answer from management.azure.com:
       nothing within 10 s
hint: it was done by hand: have that looked at, and go on with all the
      rest
      failover resume 7f3k --done promote --note \"…\" --state /a/long/folder
"
        );
    }

    #[test]
    fn every_line_of_a_simulated_run_is_marked() {
        let say = Say::new();
        assert_eq!(say.marked("one\n\n  two"), "one\n\n  two\n");
        say.mark_simulated();
        assert_eq!(say.marked("one\n\n  two"), "SIMULATED one\nSIMULATED\nSIMULATED   two\n");
    }
}
