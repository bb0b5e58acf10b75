use super::*;
use crate::report::sample::{at, empty, told, whole};

#[test]
fn the_view_shows_each_step_and_what_users_see() {
    let screen = Screen::new(told(&whole()[..11]));
    assert_eq!(
        screen.render(at(200), 100, 24).join("\n"),
        "\
web  eastus → westus  unplanned  run 7f3c  02:03:20Z  3 min 20 s of 2 h  loss ~4 min 12 s
 ! fence    owed        eastus does not answer
 ◐ storage  1 min 18 s  accepted, under way since 02:02:37Z; usually ~1 h
 ○ served               waits for storage
users now  ▁▁▁▁▁▁▁▁▁▁▁▁  no answer since 02:00:01Z"
    );
}

#[test]
fn what_a_step_waits_for_is_said_with_the_next_look() {
    let mut screen = Screen::new(told(&whole()[..11]));
    let progress = Event::Progress {
        at: at(190),
        step: "storage".into(),
        says: "Azure: InProgress".to_owned(),
        look_again: Some(at(209)),
    };
    screen.hear(&progress);
    let view = screen.render(at(200), 100, 24);
    assert_eq!(
        view[2],
        " ◐ storage  1 min 18 s  Azure: InProgress, next look in 9 s; usually ~1 h"
    );
}

#[test]
fn a_narrow_terminal_cuts_texts_and_never_figures() {
    let screen = Screen::new(told(&whole()[..11]));
    let view = screen.render(at(200), 60, 24);
    assert!(view.iter().all(|line| line.chars().count() <= 60), "{view:#?}");
    assert_eq!(
        view[..4],
        [
            "web  eastus → westus  unplanned  run 7f3c  02:03:20Z",
            "3 min 20 s of 2 h  loss ~4 min 12 s",
            " ! fence    owed        eastus does not answer",
            " ◐ storage  1 min 18 s  accepted, under way since 02:02:37Z",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn a_short_terminal_collapses_what_waits() {
    let view = Screen::new(empty()).render(at(0), 80, 3);
    assert_eq!(view[1..], [" ○ fence", "   … 2 more"].map(str::to_owned));
}

#[test]
fn users_marks_follow_what_was_seen() {
    let timeline = told(&whole());
    let samples: Vec<_> = timeline.samples.iter().collect();
    assert_eq!(marks(&samples, at(8_401)), "▁▁▁▁▁▇▇▇▇▇▇▇");
}

#[test]
fn numbers_and_what_to_type_are_cut_nowhere() {
    let mut screen = Screen::new(told(&whole()[..11]));
    screen.hear(&Event::Progress {
        at: at(190),
        step: "storage".into(),
        says: "no answer from management.azure.com: nothing within 10 s".to_owned(),
        look_again: Some(at(209)),
    });
    screen.hear(&Event::Stopping { at: at(199), running: Vec::new(), is_interrupted: true });
    for width in 50..120 {
        let view = screen.render(at(200), width, 24);
        assert!(view.iter().all(|line| line.chars().count() <= width), "{view:#?}");
        let text = view.join(" ");
        for whole in ["run 7f3c", "02:03:20Z", "3 min 20 s of 2 h", "loss ~4 min 12 s"] {
            assert!(text.contains(whole), "{whole}: {view:#?}");
        }
        assert!(text.contains("(Ctrl-C again to stop at once; it goes on in the cloud)"), "{text}");
        assert_eq!(text.contains(", next look in"), text.contains(", next look in 9 s"), "{text}");
    }
}

#[test]
fn a_question_that_ends_the_run_asks_for_no_ctrl_c() {
    let mut screen = Screen::new(told(&whole()[..8]));
    screen.hear(&Event::Stopping { at: at(125), running: Vec::new(), is_interrupted: false });
    let view = screen.render(at(126), 80, 24).join("\n");
    assert!(!view.contains("no new steps"), "{view}");
    screen.leave();
    let view = screen.render(at(126), 80, 24).join("\n");
    assert!(view.contains(" ? storage  4 s   not answered yet"), "{view}");
}
