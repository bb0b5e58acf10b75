//! Prints; nothing else does. Data goes to stdout, talk to stderr.
//!
//! A closed pipe ends the printing quietly and never the work: whoever stopped reading wants no more of it.

use crate::model::{Failure, Hint};
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
#[derive(Clone, Debug, Default)]
pub(super) struct Say {
    is_simulated: Arc<AtomicBool>,
}

impl Say {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Marks every line from now on.
    pub(super) fn mark_simulated(&self) {
        self.is_simulated.store(true, Ordering::Relaxed);
    }

    /// What was asked for.
    pub(super) fn data(&self, text: &str) {
        print(anstream::stdout().lock(), &self.marked(text));
    }

    /// A document or an object, which a mark before its lines would break; it bears its own.
    #[expect(clippy::unused_self, reason = "who prints must have been given the right to")]
    pub(super) fn document(&self, text: &str) {
        print(anstream::stdout().lock(), text);
    }

    /// What somebody who watches should know.
    pub(super) fn talk(&self, text: &str) {
        print(anstream::stderr().lock(), &self.marked(text));
    }

    pub(super) fn failure(&self, failure: &Failure) {
        self.talk(render(failure).trim_end());
    }

    fn marked(&self, text: &str) -> String {
        let mark = if self.is_simulated.load(Ordering::Relaxed) { MARK } else { "" };
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

/// What failed, why, where things stand and what to do next, each under its word.
pub(super) fn render(failure: &Failure) -> String {
    let mut out = String::new();
    paragraph(&mut out, ERROR, "error:", std::slice::from_ref(&failure.what));
    for cause in &failure.causes {
        paragraph(&mut out, LABEL, "caused by:", std::slice::from_ref(cause));
    }
    if !failure.state.is_empty() {
        let label = if failure.causes.is_empty() { "state:" } else { "state:    " };
        paragraph(&mut out, LABEL, label, &failure.state);
    }
    for Hint { says, command } in &failure.hints {
        paragraph(&mut out, HINT, "hint:", std::slice::from_ref(says));
        for line in command.iter().flat_map(|command| command.lines()) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "      {line}");
        }
    }
    out
}

/// A label, and its lines aligned beside it.
fn paragraph(out: &mut String, style: Style, label: &str, lines: &[String]) {
    let mut before = format!("{style}{label}{style:#}");
    for line in lines.iter().flat_map(|line| line.lines()) {
        let _ = writeln!(out, "{before} {line}");
        before = " ".repeat(label.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&render(failure)).to_string()
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
    fn every_line_of_a_simulated_run_is_marked() {
        let say = Say::new();
        assert_eq!(say.marked("one\n\n  two"), "one\n\n  two\n");
        say.mark_simulated();
        assert_eq!(say.marked("one\n\n  two"), "SIMULATED one\nSIMULATED\nSIMULATED   two\n");
    }
}
