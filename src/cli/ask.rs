//! The operator at a terminal, and the one who has said yes beforehand.
//!
//! The prompt stands on the terminal device, not on stdin: what is piped in answers nothing. The terminal stays in its
//! usual mode, so that a crash leaves no broken one behind, and a question that is dropped leaves nobody reading.

use super::{say::MARK, settings};
use crate::{
    engine::{Ask, Operator, Preflight, Reply},
    model::{
        Clock, Evidence,
        span::{between, clock_time, show},
    },
    plan::Plan,
    report::{self, Live},
    run::{Answer, Question},
};
use async_trait::async_trait;
use jiff::Timestamp;
use rustix::termios::{QueueSelector, tcflush};
use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
    time::Duration,
};

pub(super) const TERMINAL: &str = "/dev/tty";

/// How often the terminal is asked for a line: nobody notices, and nothing is left waiting for one.
const LOOKS_EVERY: Duration = Duration::from_millis(40);

/// The terminal, to write to and to read lines from.
pub(super) struct Terminal(File);

impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let mut options = File::options();
        options.read(true).write(true).custom_flags(nonblocking).open(TERMINAL).map(Self)
    }

    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        (&self.0).write_all(text.as_bytes())
    }

    /// Asks for a line. What was typed before the prompt stood there does not count. `None` at the end of input.
    pub(super) async fn line(&self, prompt: &str) -> io::Result<Option<String>> {
        tcflush(&self.0, QueueSelector::IFlush)?;
        self.write(prompt)?;
        let mut prompt = Prompt { terminal: self, is_answered: false };
        let mut line = Vec::new();
        loop {
            let mut bytes = [0; 256];
            match (&self.0).read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => line.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait().await,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if line.ends_with(b"\n") {
                prompt.is_answered = true;
                return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
            }
        }
    }
}

/// What stands before the operator types the region that will serve: nobody does that by accident.
pub(super) fn approval(plan: &Plan, seen: &Preflight, mark: &str) -> String {
    let asks = "Type the region that will serve users, or anything else to leave:";
    let text = report::approval(plan, seen);
    let lines = [text.as_str(), asks].map(|text| report::hang("", text, width(mark)));
    let lines: Vec<_> = lines.concat().iter().map(|line| format!("{mark}{line}")).collect();
    lines.join("\n") + " "
}

/// How wide a line may be beside its mark, just now.
fn width(mark: &str) -> usize {
    settings::size().0.saturating_sub(mark.len())
}

/// Waits in the operator's time. Virtual time stands still meanwhile: it waits for threads that block.
async fn wait() {
    let waited = tokio::task::spawn_blocking(|| std::thread::sleep(LOOKS_EVERY)).await;
    // It cannot panic, and it is cancelled only with the runtime.
    drop(waited);
}

/// Takes itself away when nobody answers it any more.
struct Prompt<'a> {
    terminal: &'a Terminal,
    is_answered: bool,
}

impl Drop for Prompt<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            // A terminal that is gone shows no prompt either.
            drop(self.terminal.write("\r\x1b[K"));
        }
    }
}

/// A person at the terminal.
pub(super) struct AtTerminal {
    pub who: String,
    pub plan: Arc<Plan>,
    pub clock: Clock,
    /// How fast the clock runs while no question is open.
    pub pace: Option<f64>,
    pub live: Option<Live>,
    pub is_simulated: bool,
    /// One question at a time.
    pub turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Operator for AtTerminal {
    async fn answer(&self, ask: Ask) -> Option<Reply> {
        let _turn = self.turn.lock().await;
        let _open = Open::new(self);
        // A terminal that cannot be read is one at which nobody sits.
        self.ask(&ask).await.ok().flatten()
    }
}

impl AtTerminal {
    async fn ask(&self, ask: &Ask) -> io::Result<Option<Reply>> {
        let terminal = Terminal::open()?;
        let asked = self.clock.now();
        self.write(&terminal, |width| report::question(ask, &self.plan, asked, width))?;
        let Some(mut answer) = self.yes_or_no(&terminal).await? else { return Ok(None) };
        // Whoever takes their time says yes to more than they were shown: that is said once.
        let now = self.clock.now();
        let grown = self.plan.objectives.rpo.and_then(|rpo| grown(&ask.evidence, rpo, asked, now));
        if let Some(loss) = grown.filter(|_| answer == Answer::Yes && is_consent(&ask.question)) {
            self.write(&terminal, |width| outgrown(ask, loss, now, width))?;
            let Some(last) = self.yes_or_no(&terminal).await? else { return Ok(None) };
            answer = last;
        }
        let mut note = None;
        if answer == Answer::Yes && matches!(ask.question, Question::Attest { .. }) {
            let prompt = format!("{}note for the report: ", self.mark());
            note = terminal.line(&prompt).await?.filter(|note| !note.is_empty());
        }
        Ok(Some(Reply { answer, who: self.who.clone(), note }))
    }

    async fn yes_or_no(&self, terminal: &Terminal) -> io::Result<Option<Answer>> {
        let prompt = format!("{}> ", self.mark());
        loop {
            let Some(line) = terminal.line(&prompt).await? else { return Ok(None) };
            match parse(&line) {
                Some(answer) => return Ok(Some(answer)),
                None => self.write(terminal, |_| "type `yes` or `no`".to_owned())?,
            }
        }
    }

    fn write(&self, terminal: &Terminal, text: impl FnOnce(usize) -> String) -> io::Result<()> {
        let mark = self.mark();
        let lines = text(width(mark));
        let lines = lines.lines().map(|line| format!("{mark}{line}\n"));
        terminal.write(&lines.collect::<Vec<_>>().concat())
    }

    fn mark(&self) -> &'static str {
        if self.is_simulated { MARK } else { "" }
    }
}

fn is_consent(question: &Question) -> bool {
    matches!(question, Question::Consent { .. } | Question::Again { .. })
}

/// The loss by now, if it was within the promised one when it was asked and has outgrown it since.
fn grown(
    evidence: &Evidence,
    promised: Duration,
    asked: Timestamp,
    now: Timestamp,
) -> Option<Duration> {
    let shown = evidence.data_loss().filter(|loss| !loss.is_zero() && *loss <= promised)?;
    Some(shown + between(asked, now)).filter(|loss| *loss > promised)
}

/// What is said instead of taking a yes for a loss that is past the promised one.
fn outgrown(ask: &Ask, loss: Duration, now: Timestamp, width: usize) -> String {
    let says = format!(
        "while this stood, the loss has outgrown what is promised: {} of data at {}, and more with time",
        show(loss),
        clock_time(now)
    );
    let says = report::hang("? ", &format!("{}: {says}", ask.step), width).join("\n");
    format!("{says}\n{}", report::answers(&ask.question, width))
}

/// Whole words only: what follows cannot be undone.
fn parse(line: &str) -> Option<Answer> {
    match line.to_ascii_lowercase().as_str() {
        "yes" => Some(Answer::Yes),
        "no" => Some(Answer::No),
        _ => None,
    }
}

/// While a question is open the view makes room for it, and a clock that ran ahead keeps the operator's time.
struct Open<'a>(&'a AtTerminal);

impl<'a> Open<'a> {
    fn new(desk: &'a AtTerminal) -> Self {
        desk.live.iter().for_each(|live| live.hide(desk.clock.now()));
        desk.clock.set_pace(1.0);
        Self(desk)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.live.iter().for_each(Live::show);
        if let Some(pace) = self.0.pace {
            self.0.clock.set_pace(pace);
        }
    }
}

/// Somebody who said yes beforehand, to a loss that is not larger than this. To one that nobody knows, only a person at
/// a terminal says yes.
pub(super) struct Beforehand {
    pub who: String,
    pub most: Duration,
}

#[async_trait]
impl Operator for Beforehand {
    async fn answer(&self, ask: Ask) -> Option<Reply> {
        let loss = ask.evidence.data_loss().unwrap_or_default();
        let is_covered = matches!(ask.question, Question::Consent { .. })
            && loss <= self.most
            && ask.evidence.unknown_loss().is_none();
        is_covered.then(|| Reply {
            answer: Answer::Yes,
            who: self.who.clone(),
            note: Some("said beforehand, with --yes".to_owned()),
        })
    }
}

/// Nobody is there.
pub(super) struct Absent;

#[async_trait]
impl Operator for Absent {
    async fn answer(&self, _: Ask) -> Option<Reply> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DATA_LOSS, Datum, StepId};

    fn consent(loss: f64) -> Ask {
        Ask {
            step: StepId::from("go"),
            title: None,
            question: Question::Consent { says: "fail storage over".to_owned() },
            evidence: Evidence::new().with(DATA_LOSS, Datum::Seconds(loss)),
            owed: Vec::new(),
            fences: Vec::new(),
        }
    }

    #[test]
    fn a_loss_that_outgrows_what_is_promised_while_it_is_asked_is_asked_again() {
        let asked = Timestamp::UNIX_EPOCH;
        let (promised, later) = (Duration::from_mins(15), asked + Duration::from_mins(5));
        let grown = |loss, now| grown(&consent(loss).evidence, promised, asked, now);
        assert_eq!(grown(660.0, later), Some(Duration::from_mins(16)));
        assert_eq!(grown(660.0, asked), None);
        // It was shown, so a yes was to it.
        assert_eq!(grown(960.0, later), None);
        // What loses nothing loses no more with time.
        assert_eq!(grown(0.0, asked + Duration::from_hours(1)), None);
    }

    #[test]
    fn only_whole_words_are_answers() {
        assert_eq!(parse("yes"), Some(Answer::Yes));
        assert_eq!(parse("YES"), Some(Answer::Yes));
        assert_eq!(parse("no"), Some(Answer::No));
        for unclear in ["", "y", "n", "yes please", "yse"] {
            assert_eq!(parse(unclear), None, "{unclear}");
        }
    }

    #[tokio::test]
    async fn what_was_said_beforehand_covers_a_loss_up_to_its_figure() {
        let most = Duration::from_mins(5);
        let operator = Beforehand { who: "asha".to_owned(), most };
        let answered = operator.answer(consent(300.0)).await.unwrap();
        assert_eq!(answered.answer, Answer::Yes);
        assert_eq!(operator.answer(consent(301.0)).await, None);
    }

    #[tokio::test]
    async fn what_was_said_beforehand_covers_no_loss_that_nobody_knows() {
        let operator = Beforehand { who: "asha".to_owned(), most: Duration::MAX };
        for name in [DATA_LOSS, "promote: data_loss"] {
            let mut ask = consent(1.0);
            ask.evidence.set(name, Datum::Text("not known".to_owned()));
            assert_eq!(operator.answer(ask).await, None, "{name}");
        }
    }

    #[tokio::test]
    async fn what_was_said_beforehand_attests_nothing() {
        let operator = Beforehand { who: "asha".to_owned(), most: Duration::MAX };
        let says = "failed over by hand".to_owned();
        let change = "failover".into();
        for question in [
            Question::Attest { change, says: says.clone() },
            Question::Happened { change: "failover".into(), says },
            Question::Without { why: "no answer".to_owned() },
        ] {
            assert_eq!(operator.answer(Ask { question, ..consent(0.0) }).await, None);
        }
    }
}
