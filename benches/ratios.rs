//! All ratios of one run, in one table: ours beside something bare that does the same, in the same minutes.
//!
//! Rounds of the two sides alternate and the fastest of each counts, so that what else the machine does weighs little.
//! The server, and each side where memory is measured, are processes of their own: this program called with a word.

#![allow(unreachable_pub, reason = "the benches are programs of their own")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod rig {
    pub mod bare;
    pub mod model;
    pub mod opening;
    pub mod ours;
    pub mod rehearsal;
    pub mod server;
}

use failover::model::Mode;
use rig::{
    bare::{Bare, By, Log},
    model,
    ours::Ours,
    rehearsal::{proseware, rehearse},
    server,
};
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const STEPS: u32 = 100;
const AT_ONCE: usize = 1_000;
const SERVER_TAKES: Duration = Duration::from_millis(500);
/// Rehearsals between two looks at the time: the kernel counts it in ticks.
const BATCH: u32 = 20;
/// What a step writes to its journal, about, where nobody has measured it.
const RECORD_BYTES: usize = 1_500;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve"] => serve(),
        ["at-once", side, base, round] => at_once(side, base, round),
        _ => table(),
    }
}

fn table() {
    let mut server = this_program(&["serve"]);
    let base = first_line(&mut server);
    let mut rows = vec![validate(), in_order(&base)];
    rows.extend(all_at_once(&base));
    rows.push(rehearsals());
    server.kill().unwrap();
    server.wait().unwrap();
    println!("{:<29} {:>10} {:>10} {:>6} {:>9}  met", "", "ours", "bare", "ratio", "target");
    for row in rows {
        println!("{row}");
    }
}

/// One line of the table.
struct Row {
    name: &'static str,
    ours: String,
    bare: String,
    ratio: String,
    target: &'static str,
    is_met: bool,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, ours, bare, ratio, target, is_met } = self;
        let met = if *is_met { "yes" } else { "no" };
        write!(f, "{name:<29} {ours:>10} {bare:>10} {ratio:>6} {target:>9}  {met}")
    }
}

fn ratio(ours: Duration, bare: Duration) -> f64 {
    ours.as_secs_f64() / bare.as_secs_f64()
}

/// `failover validate` of Proseware in a new process each time, beside the least that a process can do.
fn validate() -> Row {
    let mut failover = Command::new(env!("CARGO_BIN_EXE_failover"));
    failover.args(["validate", "runbooks/proseware.yaml"]);
    let mut nothing = Command::new("/bin/true");
    let time = |command: &mut Command| {
        let began = Instant::now();
        assert!(command.stdout(Stdio::null()).status().unwrap().success());
        began.elapsed()
    };
    let (ours, bare) = fastest(100, || (time(&mut failover), time(&mut nothing)));
    Row {
        name: "validate, a cold process",
        ours: format!("{:.2} ms", millis(ours)),
        bare: format!("{:.2} ms", millis(bare)),
        ratio: format!("{:.2}", ratio(ours, bare)),
        target: "<= 8 ms",
        is_met: ours <= Duration::from_millis(8),
    }
}

/// Steps one after the other, with their facts on disk.
fn in_order(base: &str) -> Row {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bare");
    let runtime = runtime();
    let (ours, bare) = (Ours::new(), Bare::new());
    let mut rounds = 0..;
    let mut things = || things(base, &format!("order-{}", rounds.next().unwrap()), STEPS as usize);
    let first = runtime.block_on(ours.carry_out(model::in_order(&things()), folder.path()));
    let bytes = first.journal / STEPS as usize;
    let (ours, bare) = fastest(30, || {
        let plan = model::in_order(&things());
        let ours = runtime.block_on(ours.carry_out(plan, folder.path())).time;
        // The better of two bare clients is the measure.
        let bare = [By::TheLoop, By::AThread].map(|by| {
            let log = Log::create(&file, bytes, by);
            runtime.block_on(bare.in_order(&things(), &log))
        });
        (ours, bare[0].min(bare[1]))
    });
    let step = |time: Duration| format!("{:.3} ms", millis(time / STEPS));
    Row {
        name: "a step, in order, durable",
        ours: step(ours),
        bare: step(bare),
        ratio: format!("{:.2}", ratio(ours, bare)),
        target: "<= 2.5 x",
        is_met: ratio(ours, bare) <= 2.5,
    }
}

/// Many steps of half a second at the same time, and the memory that they take.
fn all_at_once(base: &str) -> [Row; 2] {
    let mut rounds = 0..;
    let mut side = |side: &str| {
        let round = format!("once-{}", rounds.next().unwrap());
        let mut child = this_program(&["at-once", side, base, &round]);
        let line = first_line(&mut child);
        assert!(child.wait().unwrap().success());
        let (micros, kilobytes) = line.split_once(' ').unwrap();
        let kilobytes: u32 = kilobytes.parse().unwrap();
        (Duration::from_micros(micros.parse().unwrap()), kilobytes)
    };
    let (mut ours_peak, mut bare_peak) = (0, 0);
    let (ours, bare) = fastest(5, || {
        let (ours, bare) = (side("ours"), side("bare"));
        (ours_peak, bare_peak) = (ours_peak.max(ours.1), bare_peak.max(bare.1));
        (ours.0, bare.0)
    });
    let megabytes = |kilobytes: u32| f64::from(kilobytes) / 1_024.0;
    let memory = Row {
        name: "  their peak of memory",
        ours: format!("{:.1} MB", megabytes(ours_peak)),
        bare: format!("{:.1} MB", megabytes(bare_peak)),
        ratio: format!("{:.2}", f64::from(ours_peak) / f64::from(bare_peak)),
        target: "<= 64 MB",
        is_met: megabytes(ours_peak) <= 64.0,
    };
    let time = Row {
        name: "1,000 steps of 500 ms at once",
        ours: format!("{:.0} ms", millis(ours)),
        bare: format!("{:.0} ms", millis(bare)),
        ratio: format!("{:.2}", ratio(ours, bare)),
        target: "<= 1.3 x",
        is_met: ratio(ours, bare) <= 1.3,
    };
    [time, memory]
}

/// Whole failovers in process, one after the other, by the time that one core spends on them.
fn rehearsals() -> Row {
    let plans = [Mode::Unplanned, Mode::Planned].map(|mode| Arc::new(proseware(mode)));
    let time = |plan: &Arc<_>| {
        let began = cpu_time();
        (0..BATCH).for_each(|_| rehearse(plan));
        cpu_time().saturating_sub(began) / BATCH
    };
    let [unplanned, planned] = &plans;
    let (unplanned, planned) = fastest(10, || (time(unplanned), time(planned)));
    let a_second = 2.0 / (unplanned + planned).as_secs_f64();
    Row {
        name: "rehearsals of Proseware",
        ours: format!("{a_second:.0} /s"),
        bare: "-".to_owned(),
        ratio: "-".to_owned(),
        target: ">= 400 /s",
        is_met: a_second >= 400.0,
    }
}

/// The fastest of each side, taken in turns.
fn fastest(rounds: usize, mut round: impl FnMut() -> (Duration, Duration)) -> (Duration, Duration) {
    let worst = (Duration::MAX, Duration::MAX);
    (0..rounds).map(|_| round()).fold(worst, |best, now| (best.0.min(now.0), best.1.min(now.1)))
}

fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    server::serve(listener);
}

/// One side of [`all_at_once`]: says its time in microseconds, and its peak of memory in kilobytes.
fn at_once(side: &str, base: &str, round: &str) {
    let folder = tempfile::tempdir().unwrap();
    let urls = things(base, round, AT_ONCE);
    let urls: Vec<_> =
        urls.into_iter().map(|url| format!("{url}?{}", SERVER_TAKES.as_millis())).collect();
    let time = if side == "ours" {
        let plan = model::at_once(&urls);
        runtime().block_on(Ours::new().carry_out(plan, folder.path())).time
    } else {
        let log = Log::create(&folder.path().join("bare"), RECORD_BYTES, By::TheLoop);
        runtime().block_on(Bare::new().at_once(&urls, &log))
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{} {}", time.as_micros(), peak.trim().trim_end_matches(" kB"));
}

/// How long this thread has been on a core. Linux says it in nanoseconds, first in `schedstat`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn things(base: &str, round: &str, count: usize) -> Vec<String> {
    (0..count).map(|thing| format!("{base}/{round}-{thing}")).collect()
}

fn this_program(words: &[&str]) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).args(words).stdout(Stdio::piped()).spawn().unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
