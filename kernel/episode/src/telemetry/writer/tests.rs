//! Sums over what is on record, whichever way it got there.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proctor_model::{CallRecord, Digest, Finish, Origin, Role};
use proctor_store::Fingerprint;

use super::*;
use crate::runner::EpisodeRecord;
use crate::seed::EpisodeSeed;

/// A suite of one task.
fn suite() -> Arc<Suite> {
    let manifest = Path::new("suites/one/suite.toml");
    let suite = "name = \"one\"\nversion = 1\ndescription = \"\"\ndata = \"canonical\"\n\
                 now = \"2026-01-15T09:00:00Z\"\n[frequency]\nclient_search = 1\n";
    let task = "[[task]]\nid = \"a\"\nkind = \"client_search\"\nsplit = \"train\"\n\
                read_only = \"words\"\n[[task.turn]]\nuser = \"Hello.\"\n\
                answer = { text = \"Hello.\" }\n";
    let files = BTreeMap::from([
        (manifest.to_owned(), suite.to_owned()),
        (PathBuf::from("suites/one/tasks.toml"), task.to_owned()),
    ]);
    let clients = "[[client]]\nkey = \"acme\"\nname = \"Acme\"\n\
                   email = \"hello@acme.example\"\nstatus = \"Active\"\n";
    let data = PathBuf::from("canonical/clients.toml");
    let data = BTreeMap::from([(data, clients.to_owned())]);
    Arc::new(Suite::from_files(manifest, &files, &data).unwrap())
}

fn call(role: Role, number: u64, origin: Origin) -> CallRecord {
    CallRecord {
        role,
        model: "gpt".into(),
        provider: "left".into(),
        reply_model: None,
        step: 0,
        request: Digest::of(b"asked"),
        occurrence: 0,
        finish: Some(Finish::Complete),
        usage: Usage {
            input: 100 + number,
            output: 10 + number,
            cached: 3 * number,
            cache_written: 2 * number,
            reasoning: number,
        },
        cost: Some("0.000123456789".parse().unwrap()),
        error: None,
        message: None,
        attempts: 1,
        latency_us: 5,
        origin,
    }
}

/// The run's episode with this index: calls of every sort, one that gave no reply, one without a
/// price.
fn finished(index: u32) -> Finished {
    let number = u64::from(index) * 10;
    let failed = CallRecord {
        error: Some("server"),
        ..call(Role::Student, number + 1, Origin::Live)
    };
    let unpriced = CallRecord {
        cost: None,
        ..call(Role::Judge, number + 3, Origin::Live)
    };
    let state = Fingerprint::from_bytes([7; 32]);
    let record = EpisodeRecord {
        task: 0,
        trial: index,
        seed: EpisodeSeed::derive(1, "a", index),
        start: state,
        end: state,
        steps: Vec::new(),
        changes: Vec::new(),
        marks: Vec::new(),
        opinions: Vec::new(),
        calls: vec![
            call(Role::Student, number, Origin::Live),
            failed,
            call(Role::Student, number + 2, Origin::Cassette),
            unpriced,
        ],
        fault: None,
        policy_log: Vec::new(),
        policy_fuel: 0,
        outcome: Outcome::Fail,
        reward: Some(0.25),
        duration_us: 9,
        interrupted: Vec::new(),
    };
    Finished {
        index: index as usize,
        record,
    }
}

/// Bytes and sums of a run's telemetry whose episodes finish in this order; with a kill before the
/// last one.
fn written(order: [u32; 3], killed: bool) -> (String, Tally) {
    let folder = tempfile::tempdir().unwrap();
    let header = RunStart {
        episodes: 3,
        ..RunStart::default()
    };
    let backend = Backend {
        isolation: None,
        models: None,
        store: "sqlite".into(),
    };
    let [first, second, last] = order;
    let mut writer = TelemetryWriter::create(folder.path(), &header, &backend, suite()).unwrap();
    writer.record(&finished(first)).unwrap();
    writer.record(&finished(second)).unwrap();
    if killed {
        drop(writer);
        writer = TelemetryWriter::resume(folder.path(), &header, suite()).unwrap();
    }
    writer.record(&finished(last)).unwrap();
    assert!(writer.finish().unwrap());
    let text = fs::read_to_string(folder.path().join(TELEMETRY)).unwrap();
    (text, writer.tally().clone())
}

#[test]
fn calls_count_the_same_in_whatever_order_episodes_finish_and_after_a_kill() {
    let (text, tally) = written([0, 1, 2], false);
    let student = &tally.asked()["student"];
    assert_eq!((student.calls, student.failed), (9, 3));
    assert_eq!(student.usage.input, 9 * 100 + 3 * (1 + 2) + 3 * (10 + 20));
    assert_eq!(student.cost.to_string(), "0.001111111101");
    assert_eq!(tally.asked()["judge"].unpriced, 3);
    assert_eq!(tally.paid().calls, 9);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]] {
        for killed in [false, true] {
            let (other, sums) = written(order, killed);
            assert!(other == text, "{order:?}, killed: {killed}");
            assert_eq!(sums.asked(), tally.asked(), "{order:?}, killed: {killed}");
            assert_eq!(sums.paid(), tally.paid(), "{order:?}, killed: {killed}");
            assert_eq!(sums.outcomes(), tally.outcomes());
        }
    }
}
