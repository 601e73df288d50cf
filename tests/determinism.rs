//! The same run gives the same bytes: whatever the number of workers, the hour or the country.

use std::time::{Duration, Instant};

use crate::proctor::{Sandbox, repository};
use crate::records::SMALL;
use crate::telemetry::outside_wall;

/// Telemetry of a run of the built-in suite.
fn telemetry(
    sandbox: &Sandbox,
    policy: &str,
    name: &str,
    jobs: &str,
    env: &[(&str, &str)],
) -> String {
    let name = format!("{policy}-{name}");
    let mut command = sandbox.command([
        "run",
        "--policy",
        policy,
        "--param",
        "mistakes=0.5",
        "--trials",
        "2",
        "--out",
        &name,
        "--jobs",
        jobs,
    ]);
    command.envs(env.iter().copied());
    sandbox.run(&mut command).succeeded();
    outside_wall(&sandbox.telemetry(&name))
}

#[test]
fn the_number_of_workers_the_clock_and_the_country_never_show() {
    let sandbox = Sandbox::new();
    // One that always passes, and one that fails in many ways.
    for policy in ["oracle", "student-sim"] {
        let run = |name: &str, jobs: &str| telemetry(&sandbox, policy, name, jobs, &[]);
        let one = run("one", "1");
        assert!(one == run("two", "2"), "{policy}: 2 workers");
        assert!(one == run("four", "4"), "{policy}: 4 workers");
        assert!(one == run("again", "1"), "{policy}: the same run again");
        let abroad = [
            ("LC_ALL", "tr_TR.UTF-8"),
            ("LANG", "tr_TR.UTF-8"),
            ("TZ", "Pacific/Kiritimati"),
        ];
        assert!(
            one == telemetry(&sandbox, policy, "abroad", "2", &abroad),
            "{policy}: another country"
        );
    }
    let outcomes = [
        sandbox.outcomes("oracle-one"),
        sandbox.outcomes("student-sim-one"),
    ]
    .concat();
    for outcome in ["pass", "fail"] {
        assert!(
            outcomes.iter().any(|of| of.ends_with(outcome)),
            "none {outcome}: {outcomes:?}"
        );
    }
}

#[test]
fn the_built_in_suite_is_the_same_from_its_folder() {
    let sandbox = Sandbox::new();
    let folder = repository("seeds/suites/crm-core");
    let run = |suite: &str, name: &str| {
        sandbox
            .proctor(["run", "--suite", suite, "--policy", "oracle", "--out", name])
            .succeeded();
        outside_wall(&sandbox.telemetry(name))
    };
    assert!(run("crm-core", "built-in") == run(folder.to_str().unwrap(), "folder"));
}

#[test]
fn ids_come_from_the_seed() {
    let sandbox = Sandbox::with_small_suite();
    let created = |seed: &str, name: &str| {
        let options = [
            "run", "--suite", SMALL, "--policy", "oracle", "--seed", seed, "--out", name,
        ];
        sandbox.proctor(options).succeeded();
        let ends = sandbox.events(name, "episode.end");
        let changes = ends.iter().flat_map(|end| end["diff"].as_array().unwrap());
        let created: Vec<&str> = changes
            .filter(|change| change.get("before").is_none())
            .map(|change| change["id"].as_str().unwrap())
            .collect();
        assert_eq!(created.len(), 1);
        created[0].to_owned()
    };
    let first = created("1", "first");
    assert_eq!(created("1", "first-again"), first);
    assert_ne!(created("2", "second"), first);
}

#[test]
fn only_the_wall_clock_differs() {
    let sandbox = Sandbox::with_small_suite();
    let run = |name: &str| {
        let began = Instant::now();
        sandbox
            .proctor([
                "run", "--suite", SMALL, "--policy", "oracle", "--jobs", "1", "--out", name,
            ])
            .succeeded();
        (sandbox.telemetry(name), began.elapsed())
    };
    let (text, took) = run("out");
    let recorded: u64 = sandbox
        .lines("out")
        .iter()
        .filter_map(|line| line["wall"]["duration_us"].as_u64())
        .inspect(|duration| assert!(*duration > 0))
        .sum();
    assert!(Duration::from_micros(recorded) < took);
    assert_ne!(outside_wall(&text), text);
    let start = "\"seq\":0,\"wall\":{\"store\":\"sqlite\"}}\n";
    assert_eq!(text.matches(start).count(), 1, "{text}");
    let walls = text.matches("\"wall\":").count();
    assert_eq!(walls, 1 + 4, "one for the run and one for each episode");
}
