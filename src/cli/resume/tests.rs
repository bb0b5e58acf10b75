use super::*;
use crate::{
    cli::{Root, Verb, kept::tests::desk},
    report::sample::{at, on, started, told},
};
use clap::Parser;

/// What these words of the operator come to, in a run whose fence is owed and whose storage has failed.
fn said(words: &str) -> Result<Vec<Fact>, Failure> {
    let (_folder, desk) = desk();
    let line = ["failover", "resume"].into_iter().chain(words.split_whitespace());
    let Verb::Resume(resume) = Root::try_parse_from(line).unwrap().verb else { panic!("{words}") };
    let finished = |outcome| StepFact::Finished { outcome };
    let why = || "it does not answer".to_owned();
    let mut timeline = told(&[
        (0, started()),
        (1, on("fence", StepFact::Started)),
        (2, on("fence", finished(StepOutcome::Owed { why: why() }))),
        (3, on("storage", StepFact::Started)),
        (4, on("storage", finished(StepOutcome::Failed { why: why() }))),
    ]);
    let facts = resume.said(&desk, &timeline)?;
    for fact in &facts {
        timeline.take_in(at(5), fact).unwrap();
    }
    // Once more, after what was said.
    resume.said(&desk, &timeline).map_or_else(Err, |_| Ok(facts))
}

fn refused(words: &str) -> Failure {
    let failure = said(words).unwrap_err();
    assert_eq!(failure.exit, Exit::CommandLine);
    failure
}

#[test]
fn a_group_is_refused_with_the_names_of_its_steps() {
    for words in ["--skip go --reason late", "--done go --note moved"] {
        let failure = refused(words);
        assert_eq!(failure.what, "`go` is a group: it is done when its steps are");
        assert_eq!(failure.hints, [Hint::says("say it of its steps: `storage`")]);
    }
}

#[test]
fn what_was_said_of_a_step_is_not_said_again() {
    let failure = refused("--skip storage --reason late");
    assert_eq!(failure.what, "step `storage` is left out already: late");
    let failure = refused("--done fence --note unplugged");
    assert_eq!(failure.what, "step `fence` is done already");
}

#[test]
fn one_step_is_not_given_twice() {
    for words in
        ["--skip fence --skip fence --reason late", "--skip fence --reason a --done fence --note b"]
    {
        assert_eq!(refused(words).what, "step `fence` is given twice", "{words}");
    }
}

#[test]
fn without_a_word_what_failed_is_tried_again() {
    assert_eq!(said("").unwrap(), [on("storage", StepFact::Reopened)]);
}
