//! Recordings that are made, found and counted.

use crate::*;

#[test]
fn what_was_recorded_is_found_by_its_key_alone() {
    let folder = Folder::new();
    let path = folder.small();
    let cassette = Cassette::open(&path, Some("digest-of-crm-core")).unwrap();
    assert_eq!(cassette.header(), &header());
    assert_eq!(cassette.len(), 6);
    let asked = conversation("two#0", 3).remove(1);
    let here = place("two#0", 1, &asked);
    let found = cassette.find(&here).unwrap();
    assert_eq!(found, Some(retained("two#0: step 1")));
    let elsewhere = |place: Place<'_>| cassette.find(&place).unwrap();
    assert_eq!(
        elsewhere(Place { step: 9, ..here }),
        found,
        "the step is for people"
    );
    assert_eq!(
        elsewhere(Place {
            episode: "two#1",
            ..here
        }),
        None
    );
    assert_eq!(
        elsewhere(Place {
            role: Role::Judge,
            ..here
        }),
        None
    );
    assert_eq!(
        elsewhere(Place {
            occurrence: 1,
            ..here
        }),
        None
    );
    let other = conversation("two#0", 3).remove(2).digest();
    assert_ne!(
        elsewhere(Place {
            request: other,
            ..here
        }),
        found
    );
}

#[test]
fn a_failure_is_recorded_like_a_reply() {
    let folder = Folder::new();
    let cassette = folder.create("failed.cassette");
    let asked = conversation("one#0", 1).remove(0);
    let failed = Retained {
        result: Err(Failed {
            kind: "rate_limited".into(),
            provider: "openai".into(),
            message: "429: slow down".into(),
        }),
        attempts: 5,
        latency_us: 0,
    };
    let here = place("one#0", 0, &asked);
    cassette.record(&here, &asked, &failed).unwrap();
    assert_eq!(
        cassette.find(&here).unwrap(),
        Some(failed.clone()),
        "while it records"
    );
    cassette.finish().unwrap();
    let opened = Cassette::open(folder.file("failed.cassette"), None).unwrap();
    assert_eq!(opened.find(&here).unwrap(), Some(failed));
}

#[test]
fn the_same_call_twice_is_an_error_and_leaves_the_cassette_as_it_was() {
    let folder = Folder::new();
    let cassette = folder.create("twice.cassette");
    record_all(&cassette, "one#0", 1);
    let asked = conversation("one#0", 1).remove(0);
    let again = cassette.record(&place("one#0", 0, &asked), &asked, &retained("else"));
    let error = again.unwrap_err();
    assert!(matches!(error, CassetteError::Recorded { .. }));
    assert!(
        error.to_string().contains("step 0 of episode one#0"),
        "{error}"
    );
    cassette.finish().unwrap();
    assert_eq!(verify(folder.file("twice.cassette")).unwrap().exchanges, 1);
}

#[test]
fn a_recording_that_is_too_large_is_refused_and_the_next_one_is_taken() {
    let folder = Folder::new();
    let cassette = folder.create("large.cassette");
    let mut asked = conversation("one#0", 1).remove(0);
    asked
        .messages
        .push(message(Speaker::User, &"x".repeat(33 << 20)));
    let error = cassette.record(&place("one#0", 0, &asked), &asked, &retained("no"));
    assert!(matches!(error.unwrap_err(), CassetteError::TooLarge { .. }));
    record_all(&cassette, "one#0", 2);
    cassette.finish().unwrap();
    let opened = Cassette::open(folder.file("large.cassette"), None).unwrap();
    let said = all(&opened).into_iter().map(|exchange| exchange.messages);
    let asked = conversation("one#0", 2).into_iter().map(|r| r.messages);
    assert!(said.eq(asked));
}

#[test]
fn a_cassette_is_not_written_over_and_not_by_two_at_once() {
    let folder = Folder::new();
    let path = folder.file("folders/that/are/made/one.cassette");
    let first = Cassette::create(&path, &header(), Redactor::default()).unwrap();
    let late = Cassette::create(&path, &header(), Redactor::default()).unwrap();
    record_all(&first, "one#0", 1);
    let asked = conversation("one#1", 1).remove(0);
    let late = late.record(&place("one#1", 0, &asked), &asked, &retained("no"));
    assert!(matches!(late.unwrap_err(), CassetteError::Exists { .. }));
    let second = Cassette::create(&path, &header(), Redactor::default()).unwrap_err();
    assert!(matches!(second, CassetteError::Exists { .. }));
    assert!(matches!(
        extend(&path).unwrap_err(),
        CassetteError::Busy { .. }
    ));
    drop(first);
    extend(&path).unwrap().finish().unwrap();
    let opened = Cassette::open(&path, None).unwrap();
    let asked = conversation("one#0", 1).remove(0);
    let refused = opened.record(&place("one#0", 0, &asked), &asked, &retained("no"));
    assert!(matches!(
        refused.unwrap_err(),
        CassetteError::ReadOnly { .. }
    ));
}

#[test]
fn a_recording_that_never_began_leaves_nothing_behind() {
    let folder = Folder::new();
    let path = folder.file("folders/one.cassette");
    let create = || Cassette::create(&path, &header(), Redactor::default()).unwrap();
    drop(create());
    drop(extend(&path).unwrap());
    let cassette = create();
    assert!(all(&cassette).is_empty());
    let mut asked = conversation("one#0", 1).remove(0);
    asked.messages[0].text = "x".repeat(33 << 20);
    let refused = cassette.record(&place("one#0", 0, &asked), &asked, &retained("no"));
    assert!(refused.is_err());
    assert!(!folder.file("folders").exists());
    cassette.finish().unwrap();
    assert_eq!(Cassette::open(&path, None).unwrap().header(), &header());
}

#[test]
fn a_finished_cassette_that_is_extended_by_nothing_keeps_its_bytes() {
    let folder = Folder::new();
    let path = folder.small();
    let before = fs::read(&path).unwrap();
    let cassette = extend(&path).unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        before,
        "it is finished until more is recorded"
    );
    cassette.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    record_all(&cassette, "three#0", 1);
    assert!(matches!(
        open_error(&path),
        CassetteError::Unfinished { .. }
    ));
    cassette.finish().unwrap();
    cassette.finish().unwrap();
    assert_eq!(Cassette::open(&path, None).unwrap().len(), 7);
}

#[test]
fn the_same_exchanges_give_the_same_bytes() {
    let (one, other) = (Folder::new(), Folder::new());
    assert_eq!(
        fs::read(one.small()).unwrap(),
        fs::read(other.small()).unwrap()
    );
}

#[test]
fn a_recording_costs_what_is_new_in_it_whatever_came_before() {
    let folder = Folder::new();
    let cassette = folder.create("long.cassette");
    let path = folder.file("long.cassette");
    let mut written = Vec::new();
    let mut before = 0;
    for (step, request) in (0..).zip(conversation("long#0", 400)) {
        let said = retained(&format!("long#0: step {step}"));
        cassette
            .record(&place("long#0", step, &request), &request, &said)
            .unwrap();
        let now = fs::metadata(&path).unwrap().len();
        written.push(now - before);
        before = now;
    }
    let (early, late) = (
        written[2..12].iter().sum::<u64>(),
        written[390..].iter().sum::<u64>(),
    );
    assert!(
        late < early + early / 10,
        "{early} bytes early, {late} bytes late"
    );
    // The same conversation in another trial: nothing but the exchange itself is new.
    let requests = conversation("long#0", 400);
    let last = requests.last().unwrap();
    cassette
        .record(&place("long#1", 0, last), last, &retained("again"))
        .unwrap();
    cassette.finish().unwrap();
    assert_eq!(verify(&path).unwrap().messages, 800);
    let opened = Cassette::open(&path, None).unwrap();
    let asked: Vec<_> = all(&opened).into_iter().map(|e| e.messages.len()).collect();
    assert_eq!(asked[..3], [2, 4, 6]);
    assert_eq!(asked[399..], [800, 800]);
}

#[test]
fn threads_share_a_cassette() {
    let folder = Folder::new();
    let cassette = folder.create("shared.cassette");
    std::thread::scope(|scope| {
        for trial in 0..4 {
            let cassette = &cassette;
            scope.spawn(move || record_all(cassette, &format!("one#{trial}"), 20));
        }
    });
    cassette.finish().unwrap();
    let opened = Cassette::open(folder.file("shared.cassette"), None).unwrap();
    for exchange in all(&opened) {
        let step = exchange.step as usize;
        let expected = conversation(&exchange.episode, 20).remove(step);
        assert_eq!(exchange.asked(), expected);
        assert!(exchange.is_as_sent());
    }
    assert_eq!(opened.len(), 80);
}

#[test]
fn verifying_counts_what_the_replies_said_by_role() {
    let folder = Folder::new();
    let cassette = folder.create("roles.cassette");
    record_all(&cassette, "one#0", 2);
    let asked = conversation("one#0", 1).remove(0);
    let judged = Place {
        role: Role::Judge,
        ..place("one#0", 2, &asked)
    };
    cassette.record(&judged, &asked, &retained("0.7")).unwrap();
    cassette.finish().unwrap();
    let verified = verify(folder.file("roles.cassette")).unwrap();
    let student = verified.roles[&Role::Student];
    assert_eq!((student.exchanges, student.failed), (2, 0));
    assert_eq!((student.usage.input, student.usage.output), (200, 14));
    assert_eq!(verified.roles[&Role::Judge].usage.total(), 107);
    assert_eq!(
        (verified.exchanges, verified.messages, verified.tools),
        (3, 4, 1)
    );
    let size = fs::metadata(folder.file("roles.cassette")).unwrap().len();
    assert_eq!(verified.bytes, size);
}
