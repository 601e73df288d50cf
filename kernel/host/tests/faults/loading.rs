//! Files that are no plugins, or not the ones wanted.

use proctor_host::{Digest, FIRST_PARTY, Grant, Limits, LoadError, Plugin, World};

use crate::{POLICY, STAGE, VERIFIER, first_party, message, setting, test_component};

fn load(wasm: &[u8]) -> Result<Plugin, LoadError> {
    STAGE.host.load("given", wasm, &[])
}

/// A component from its text.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Bytes that mean nothing, the same every time.
fn noise(length: usize) -> Vec<u8> {
    (0_u64..)
        .map(|block| Digest::of(&block.to_be_bytes()).to_string())
        .flat_map(String::into_bytes)
        .take(length)
        .collect()
}

#[test]
fn what_is_no_component_is_refused_as_none() {
    let mut header_alone = vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    header_alone.extend(noise(1_000));
    let huge_memory = component("(component (core module (memory 10000)))");
    for (what, wasm) in [
        ("an empty file", Vec::new()),
        ("half a header", vec![0, b'a', b's', b'm']),
        ("random bytes", noise(100_000)),
        ("random bytes with a component's header", header_alone),
        ("a core module", vec![0, b'a', b's', b'm', 1, 0, 0, 0]),
        (
            "a core module that does something",
            wat::parse_str("(module (func (export \"f\")))").unwrap(),
        ),
        ("the text of a component", b"(component)".to_vec()),
        ("a component with an invalid function", invalid_function()),
        ("a memory beyond any limit", huge_memory),
    ] {
        let error = load(&wasm).unwrap_err();
        assert!(
            matches!(error, LoadError::NotComponent(_)),
            "{what}: {error}"
        );
        assert!(
            error.to_string().len() > 40,
            "{what}: says nothing: {error}"
        );
    }
}

/// A component whose one function leaves nothing on the stack where a number is due.
fn invalid_function() -> Vec<u8> {
    component("(component (core module (func (result i32))))")
}

#[test]
fn a_component_that_plays_no_role_is_told_which_there_are() {
    for (wasm, exports) in [
        (vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0], "nothing"),
        (
            component(r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#),
            "wasi:cli/run@0.2.0",
        ),
        // Another version of the contract is another contract.
        (
            exporting("verification@0.2.0"),
            "proctor:plugin/verification@0.2.0",
        ),
    ] {
        let error = load(&wasm).unwrap_err();
        assert!(
            matches!(error, LoadError::NoWorld { .. }),
            "{exports}: {error}"
        );
        let text = error.to_string();
        assert!(text.contains("proctor:plugin/verification@0.1.1"), "{text}");
        assert!(text.ends_with(&format!("it exports: {exports}")), "{text}");
    }
}

/// A component that exports an instance of the contract's package, empty.
fn exporting(name: &str) -> Vec<u8> {
    component(&format!(
        r#"(component (instance $i) (export "proctor:plugin/{name}" (instance $i)))"#
    ))
}

/// A verifier, to judge by its export, that imports this.
fn importing(name: &str) -> Vec<u8> {
    component(&format!(
        r#"(component
            (import "{name}" (instance))
            (instance $i)
            (export "proctor:plugin/verification@0.1.0" (instance $i)))"#
    ))
}

#[test]
fn a_component_of_another_world_is_not_taken_for_the_one_wanted() {
    for (wasm, world) in [
        (exporting("judging@0.1.0"), World::Judge),
        (exporting("teaching@0.1.0"), World::Teacher),
        (test_component(POLICY), World::Policy),
        (test_component(VERIFIER), World::Verifier),
    ] {
        let plugin = load(&wasm).unwrap();
        assert_eq!(plugin.world, world);
        let refused = |error: Option<LoadError>, wanted: World| match error {
            Some(LoadError::OtherWorld {
                found,
                wanted: asked,
            }) => {
                assert_eq!((found, asked), (world, wanted));
            }
            other => panic!("{world}, not a {wanted}: {other:?}"),
        };
        if world != World::Verifier {
            refused(STAGE.host.verifier(&plugin).err(), World::Verifier);
        }
        if world != World::Policy {
            refused(STAGE.host.policy(&plugin).err(), World::Policy);
        }
    }
}

#[test]
fn an_export_of_the_right_name_and_the_wrong_type_is_refused() {
    let plugin = load(&exporting("verification@0.1.0")).unwrap();
    let error = STAGE.host.verifier(&plugin).err().unwrap();
    assert!(
        matches!(
            error,
            LoadError::WrongType {
                world: World::Verifier,
                ..
            }
        ),
        "{error}"
    );
    let plugin = load(&exporting("acting@0.1.0")).unwrap();
    let error = STAGE.host.policy(&plugin).err().unwrap();
    assert!(
        matches!(
            error,
            LoadError::WrongType {
                world: World::Policy,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn nothing_is_imported_without_a_grant() {
    let forbidden = |wasm: &[u8], grants: &[Grant]| match STAGE.host.load("given", wasm, grants) {
        Err(LoadError::ForbiddenImport {
            import, granted, ..
        }) => (import, granted),
        other => panic!("{other:?}"),
    };
    let (import, granted) = forbidden(first_party("oracle"), &[]);
    assert_eq!(import, "proctor:plugin/examiner@0.1.1");
    assert_eq!(
        granted,
        "proctor:plugin/toolbox@0.1.1, proctor:plugin/memory@0.1.1, \
         proctor:plugin/prompts@0.1.1, proctor:plugin/log@0.1.1"
    );
    // Another capability is of no help.
    assert_eq!(forbidden(first_party("oracle"), &[Grant::Model]).0, import);
    assert!(
        STAGE
            .host
            .load("oracle", first_party("oracle"), &[Grant::Gold])
            .is_ok()
    );
    for name in [
        "wasi:cli/environment@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "proctor:plugin/examiner@0.1.0",
        "proctor:plugin/examiner@0.1.1",
        "proctor:plugin/model@0.1.0",
        "proctor:plugin/model@0.1.1",
        "proctor:plugin/toolbox@0.1.1",
        // Only these versions of the contract are linked.
        "proctor:plugin/log@0.1.2",
        "proctor:plugin/log@0.2.0",
        "own-idea",
    ] {
        assert_eq!(forbidden(&importing(name), &[]).0, name);
    }
    assert!(load(&importing("proctor:plugin/log@0.1.0")).is_ok());
    assert!(load(&importing("proctor:plugin/log@0.1.1")).is_ok());
    // Whoever marks against gold asks no model, whatever it is granted.
    let model = "proctor:plugin/model@0.1.1";
    assert_eq!(forbidden(&importing(model), &[Grant::Model]).0, model);
}

#[test]
fn a_file_over_the_size_limit_is_not_even_looked_at() {
    let limit = Limits::COMPONENT_BYTES_MAX;
    let error = load(&vec![0; limit + 1]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LoadError::TooLarge { .. }), "{text}");
    assert!(text.contains(&(limit + 1).to_string()), "{text}");
    assert!(text.contains(&limit.to_string()), "{text}");
    let error = load(&vec![0; limit]).unwrap_err();
    assert!(matches!(error, LoadError::NotComponent(_)), "{error}");
}

/// The smallest first-party component.
fn smallest() -> &'static [u8] {
    let smallest = FIRST_PARTY.iter().min_by_key(|plugin| plugin.wasm.len());
    smallest.unwrap().wasm
}

#[test]
fn a_component_cut_short_is_refused() {
    let whole = smallest();
    for part in 0..60 {
        let end = whole.len() * part / 60;
        let error = load(&whole[..end]).unwrap_err();
        let refused = matches!(
            error,
            LoadError::NotComponent(_) | LoadError::NoWorld { .. }
        );
        assert!(refused, "{end} of {} bytes: {error}", whole.len());
    }
}

/// A small component with a little of everything: types, a core module with code and data, an
/// instance, a lifted function.
const SMALL: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (data (i32.const 16) "words")
        (table 2 funcref)
        (elem (i32.const 0) $sum $realloc)
        (func $sum (export "sum") (param i32 i32) (result i32)
            (local $at i32)
            (loop $again
                (local.set $at (i32.add (local.get $at) (i32.load8_u (local.get 0))))
                (br_if $again (i32.lt_u (local.get $at) (local.get 1))))
            (local.get $at))
        (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $next (i32.add (global.get $next) (local.get 3)))
            (global.get $next)))
    (core instance $c (instantiate $m))
    (func $sum (param "words" string) (result u32)
        (canon lift (core func $c "sum") (memory $c "memory") (realloc (func $c "realloc"))))
    (instance $i (export "sum" (func $sum)))
    (export "proctor:plugin/acting@0.1.0" (instance $i)))"#;

#[test]
fn a_flipped_bit_never_ends_the_process() {
    let whole = component(SMALL);
    assert!(load(&whole).is_ok());
    let refused = (0..whole.len() * 8)
        .filter(|bit| {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            load(&damaged).is_err()
        })
        .count();
    assert!(
        refused > whole.len(),
        "{refused} flips of {} bytes were noticed",
        whole.len()
    );
}

#[test]
fn a_plugin_with_a_flipped_bit_runs_within_its_limits_or_not_at_all() {
    const POSITIONS: usize = 60;
    let whole = smallest();
    for position in 0..POSITIONS {
        let mut damaged = whole.to_vec();
        damaged[whole.len() * position / POSITIONS] ^= 1 << (position % 8);
        let seated = load(&damaged).and_then(|plugin| STAGE.host.policy(&plugin));
        if let Ok(policy) = seated
            && let Ok(mut session) = policy.open(setting(&[]))
        {
            let _ = session.next(&message("hello"));
        }
    }
    assert!(load(whole).is_ok());
}
