use super::*;
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins/terraform");

fn asked(program: &str, folder: &Path, within: Duration) -> Result<Vec<u8>, Unread> {
    Asked { tool: Tool::Terraform, program: program.as_ref(), folder, within }.outputs()
}

/// A folder with one file in it.
fn module(file: &str, text: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), text).unwrap();
    folder
}

#[test]
fn what_is_printed_is_taken_as_it_is() {
    let module = module("outputs.json", b"{}\n");
    assert_eq!(asked(STAND_IN, module.path(), WITHIN).unwrap(), b"{}\n");
}

#[test]
fn a_program_that_is_not_there_and_a_folder_that_is_not_there_are_named() {
    let module = module("outputs.json", b"{}");
    let unread = asked("no-such-program", module.path(), WITHIN).unwrap_err();
    assert_eq!(unread.why, "`terraform` is not on the PATH");
    assert_eq!(unread.hint, "install Terraform");
    let unread = asked(STAND_IN, Path::new("no/such/folder"), WITHIN).unwrap_err();
    assert_eq!(unread.why, "there is no folder no/such/folder");
}

#[test]
fn a_failure_is_told_in_the_words_of_the_program() {
    let module = module("error.txt", b"Error: Backend initialization required\n");
    let unread = asked(STAND_IN, module.path(), WITHIN).unwrap_err();
    assert_eq!(unread.why, "`terraform output` failed");
    assert_eq!(unread.says, ["Error: Backend initialization required"]);
    let hint = format!("try it: terraform -chdir={} output", module.path().display());
    assert_eq!(unread.hint, hint);
}

#[test]
fn what_never_ends_is_ended() {
    let module = module("hangs", b"");
    let started = || std::fs::read_to_string(module.path().join("hangs")).unwrap();
    // A machine that is busy may not have started it at first.
    for seconds in [1, 5, 25] {
        let unread = asked(STAND_IN, module.path(), Duration::from_secs(seconds)).unwrap_err();
        let within = format!("did not end within {seconds} s, and was stopped");
        assert!(unread.why.ends_with(&within), "{}", unread.why);
        if !started().is_empty() {
            break;
        }
    }
    let pid = Pid::from_raw(started().trim().parse().unwrap()).unwrap();
    assert_eq!(test_kill_process(pid), Err(Errno::SRCH));
}

#[test]
fn what_prints_without_end_is_ended() {
    let module = module("outputs.json", &vec![b' '; 9_000_000]);
    let unread = asked(STAND_IN, module.path(), WITHIN).unwrap_err();
    let why = "`terraform output` could not be heard out: there are more than 8 MB on its stdout";
    assert_eq!(unread.why, why);
}

#[test]
fn of_a_long_failure_the_beginning_of_its_first_error_is_kept() {
    let long = "x".repeat(200);
    let said = format!(
        "There are some problems with the CLI configuration:\n╷\n│ Warning: Unable to open it\n╵\n\n\
         Error: Backend \u{1b}[1minitialization required\n\n│ Reason: {long}\n1\n2\n3\n4\n5\n"
    );
    let cut = format!("Reason: {}…", "x".repeat(LONGEST_LINE - "Reason: ".len()));
    let expected = ["Error: Backend [1minitialization required", &cut, "1", "2", "3", "4"];
    assert_eq!(last_words(&said), expected);
    assert_eq!(last_words("1\n2\n3\n4\n5\n6\n7\n\n"), ["2", "3", "4", "5", "6", "7"]);
    assert_eq!(last_words(" \n"), [""; 0]);
}
