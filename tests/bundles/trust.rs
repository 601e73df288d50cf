//! Whose seal counts, and who says that it all came out the same.

use std::os::unix::fs::PermissionsExt;

use super::apart::Apart;
use super::{BUNDLE, Place, refused, refused_for};

fn public(place: &Place, name: &str) -> String {
    let file = place.sandbox.read(&format!("{name}.pub"));
    file.lines().nth(1).unwrap().to_owned()
}

/// A policy under which both keys may do both.
fn policy(place: &Place, seals: u32, attestations: u32) {
    let key = |name: &str| {
        let public = public(place, name);
        format!("[[key]]\nname = \"{name}\"\npublic = \"{public}\"\nmay = [\"seal\", \"attest\"]\n")
    };
    let require = format!("[require]\nseals = {seals}\nattestations = {attestations}\n");
    let text = key("ada") + &key("bob") + &require;
    place.sandbox.write("trust.toml", text);
}

/// Adds Bob's seal.
fn seal_by_bob(place: &Place, out: &str) {
    let sign = ["--sign-with", "bob.key", "--out", out];
    let ran = place.on("sign", BUNDLE, &sign).succeeded();
    assert!(ran.stdout.contains(": sealed by key "), "{}", ran.page());
}

fn attest(place: &Place, bundle: &str, out: &str) {
    let sign = [
        "--sign-with",
        "bob.key",
        "--note",
        "as an auditor",
        "--out",
        out,
    ];
    place.on("attest", bundle, &sign).succeeded();
}

#[test]
fn without_a_key_nothing_is_taken_for_sealed() {
    let place = Place::new();
    for command in [
        &["verify", BUNDLE][..],
        &["replay", BUNDLE],
        &["extract", BUNDLE, "--out", "out"],
        &["run", BUNDLE, "--policy", "noop"],
        &["attest", BUNDLE, "--sign-with", "bob.key", "--out", "out"],
    ] {
        let said = refused(&place.bundle(command));
        assert!(said.contains("whose seal counts isn't said"), "{said}");
        assert!(said.contains("hint: --key FILE"), "{said}");
    }
    assert!(!place.exists("out"));
}

#[test]
fn a_seal_by_an_unknown_key_does_not_count() {
    let place = Place::new();
    for command in ["verify", "replay"] {
        let ran = place.bundle(&[command, BUNDLE, "--key", "bob.pub"]);
        refused_for(&ran, "which the trust policy doesn't know");
    }
    // A key may be given as its letters, and one of several is enough.
    let both = [public(&place, "ada"), public(&place, "bob")];
    let verify = ["verify", BUNDLE, "--key", &both[0], "--key", &both[1]];
    place.bundle(&verify).succeeded();
}

#[test]
fn what_nobody_sealed_is_refused_unless_anyone_will_do() {
    let place = Place::new();
    let ran = place.bundle(&["seal", "runs/noop", "--out", "open.bundle"]);
    let ran = ran.succeeded();
    assert!(
        ran.stderr.contains("nobody has signed it"),
        "{}",
        ran.page()
    );
    let ran = place.on("verify", "open.bundle", &[]);
    refused_for(&ran, "requires a seal by 1 key, and there is none");
    let ran = place.on_anyones("verify", "open.bundle").succeeded();
    assert!(
        ran.stdout.contains("nobody's seal was asked for"),
        "{}",
        ran.page()
    );
}

#[test]
fn a_seal_does_not_fit_another_manifest() {
    let place = Place::new();
    let mut apart = Apart::of(&place, BUNDLE);
    apart.manifest.title = "Three better agents".to_owned();
    apart.pack(&place, "other.bundle");
    for command in ["verify", "replay"] {
        refused_for(&place.on(command, "other.bundle", &[]), "doesn't hold");
    }
    let extract = place.on("extract", "other.bundle", &["--out", "out"]);
    refused_for(&extract, "doesn't hold");
    assert!(!place.exists("out"));
    let shown = place.on("inspect", "other.bundle", &[]).succeeded();
    assert!(shown.stdout.contains("doesn't hold"), "{}", shown.page());
}

#[test]
fn a_policy_can_require_two_seals() {
    let place = Place::new();
    policy(&place, 2, 0);
    let verify = |bundle: &str| place.bundle(&["verify", bundle, "--trust", "trust.toml"]);
    refused_for(&verify(BUNDLE), "requires a seal by 2 keys, and there is 1");
    seal_by_bob(&place, "both.bundle");
    let ran = verify("both.bundle").succeeded();
    for line in ["sealed by ada (key ", "sealed by bob (key "] {
        assert!(ran.stdout.contains(line), "{}", ran.page());
    }
    // The other's seal counts for nothing where their key isn't known.
    let ran = place.on("verify", "both.bundle", &[]);
    refused_for(&ran, "which the trust policy doesn't know");
}

#[test]
fn a_policy_that_is_wrong_is_refused_where_it_stands() {
    let place = Place::new();
    for (text, reason) in [
        ("[[key]]\nname = 1\n", "trust.toml:2:8: "),
        ("[require]\nseals = 1\n", "trust.toml:"),
        ("[[keys]]\n", "trust.toml:1:"),
        (
            "[[key]]\nname = \"a\"\npublic = \"RWx\"\nmay = [\"seal\"]\n",
            "trust.toml:3:10: ",
        ),
    ] {
        place.sandbox.write("trust.toml", text);
        let ran = place.bundle(&["verify", BUNDLE, "--trust", "trust.toml"]);
        refused_for(&ran, reason);
    }
}

#[test]
fn an_auditor_countersigns_what_came_out_the_same() {
    let place = Place::new();
    attest(&place, BUNDLE, "attested.bundle");
    policy(&place, 1, 1);
    let verify = |bundle: &str| place.bundle(&["verify", bundle, "--trust", "trust.toml"]);
    refused_for(
        &verify(BUNDLE),
        "requires an attestation by 1 key, and there is none",
    );
    let ran = verify("attested.bundle").succeeded();
    for line in [
        "sealed by ada (key ",
        "countersigned by bob (key ",
        "as an auditor",
    ] {
        assert!(ran.stdout.contains(line), "{}", ran.page());
    }
    place
        .on("replay", "attested.bundle", &["--key", "bob.pub"])
        .succeeded();
    // Nothing is replaced.
    let again = [
        "--key",
        "bob.pub",
        "--sign-with",
        "bob.key",
        "--out",
        "again.bundle",
    ];
    let ran = place.on("attest", "attested.bundle", &again);
    refused_for(&ran, "attested.bundle: is countersigned by key ");
    assert!(!place.exists("again.bundle"));
}

#[test]
fn a_countersignature_of_a_sample_says_so() {
    let place = Place::new();
    let sample = [
        "--sample",
        "1",
        "--sign-with",
        "bob.key",
        "--out",
        "attested.bundle",
    ];
    place.on("attest", BUNDLE, &sample).succeeded();
    let ran = place
        .on("verify", "attested.bundle", &["--key", "bob.pub"])
        .succeeded();
    assert!(ran.stdout.contains("replayed a sample"), "{}", ran.page());
}

#[test]
fn a_countersignature_is_about_one_bundle() {
    let place = Place::new();
    let seal = [
        "seal",
        "runs/noop",
        "--key",
        "ada.key",
        "--out",
        "noop.bundle",
    ];
    place.bundle(&seal).succeeded();
    attest(&place, "noop.bundle", "attested.bundle");
    let moved = Apart::of(&place, "attested.bundle")
        .attachments
        .attestations;
    let mut apart = Apart::of(&place, BUNDLE);
    apart.attachments.attestations = moved;
    apart.pack(&place, "moved.bundle");
    let ran = place.on("verify", "moved.bundle", &["--key", "bob.pub"]);
    refused_for(&ran, "it is about another bundle");
    let shown = place
        .on("inspect", "moved.bundle", &["--key", "bob.pub"])
        .succeeded();
    assert!(
        shown.stdout.contains("it is about another bundle"),
        "{}",
        shown.page()
    );
}

#[test]
fn a_key_seals_once_and_only_what_holds() {
    let place = Place::new();
    let again = ["--sign-with", "ada.key", "--out", "out"];
    let ran = place.on("sign", BUNDLE, &again);
    refused_for(&ran, "this key has signed already");
    let mut apart = Apart::of(&place, BUNDLE);
    let table = apart.named("tables/small.txt");
    apart.edit(&table, "noop", "poon");
    apart.attachments = Default::default();
    apart.pack(&place, "changed.bundle");
    let sign = ["sign", "changed.bundle", "--anyone"];
    let ran = place.bundle(&[&sign[..], &again].concat());
    refused_for(&ran, "the table doesn't follow from the telemetry");
    assert!(!place.exists("out"));
}

#[test]
fn a_countersignature_by_an_unknown_key_counts_for_nothing_and_does_no_harm() {
    let place = Place::new();
    attest(&place, BUNDLE, "attested.bundle");
    let ran = place.on("verify", "attested.bundle", &[]).succeeded();
    assert!(
        ran.stdout
            .contains("which isn't known here: it doesn't count"),
        "{}",
        ran.page()
    );
    assert!(!ran.stdout.contains("replayed all of it"), "{}", ran.page());
}

#[test]
fn a_countersignature_by_the_key_of_another_number_does_not_hold() {
    let place = Place::new();
    attest(&place, BUNDLE, "attested.bundle");
    let mut apart = Apart::of(&place, "attested.bundle");
    let (_, of) = apart.attachments.attestations.pop_first().unwrap();
    let ada = apart.attachments.signatures.keys().next().unwrap().clone();
    apart.attachments.attestations.insert(ada, of);
    apart.pack(&place, "renamed.bundle");
    let ran = place.on("verify", "renamed.bundle", &["--key", "bob.pub"]);
    refused_for(&ran, "it is by the key ");
}

#[test]
fn a_secret_key_is_its_owners_and_may_have_a_password() {
    let place = Place::new();
    let mut keygen = place.sandbox.command(["bundle", "keygen", "--out", "eve"]);
    keygen.env("PROCTOR_KEY_PASSWORD", "five small words");
    place.sandbox.run(&mut keygen).succeeded();
    let key = place.sandbox.path("eve.key").metadata().unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let seal = [
        "bundle",
        "seal",
        "runs/noop",
        "--key",
        "eve.key",
        "--out",
        "eve.bundle",
    ];
    let said = refused(&place.proctor(&seal));
    assert!(
        said.contains("eve.key: the secret key is encrypted"),
        "{said}"
    );
    assert!(said.contains("hint: PROCTOR_KEY_PASSWORD"), "{said}");
    for (password, code) in [("another", 1), ("five small words", 0)] {
        let mut command = place.sandbox.command(seal);
        command.env("PROCTOR_KEY_PASSWORD", password);
        let ran = place.sandbox.run(&mut command);
        assert_eq!(ran.code, Some(code), "{}", ran.page());
        assert!(!ran.page().contains(password), "{}", ran.page());
    }
    place
        .bundle(&["verify", "eve.bundle", "--key", "eve.pub"])
        .succeeded();
    refused_for(
        &place.bundle(&["verify", BUNDLE, "--key", "ada.key"]),
        "ada.key: ",
    );
}

#[test]
fn stock_minisign_verifies_a_seal_as_the_readme_says() {
    let place = Place::new();
    place.on("extract", BUNDLE, &["--out", "out"]).succeeded();
    let signatures = place.sandbox.names("out/signatures");
    let readme = place.sandbox.read("out/README.md");
    let line = readme.lines().find(|line| line.starts_with("minisign "));
    let line = line.unwrap();
    let id = signatures[0].strip_suffix(".minisig").unwrap();
    let line = line
        .replace("KEYID", id)
        .replace("KEY", &public(&place, "ada"));
    let mut command = place.sandbox.any_command("sh");
    command
        .args(["-c", &line])
        .current_dir(place.sandbox.path("out"));
    let ran = place.sandbox.run(&mut command);
    assert_eq!(ran.code, Some(0), "{line}: {}", ran.page());
    place.edit("out/manifest.json", "Three agents", "Three angels");
    let mut command = place.sandbox.any_command("sh");
    command
        .args(["-c", &line])
        .current_dir(place.sandbox.path("out"));
    assert_ne!(place.sandbox.run(&mut command).code, Some(0));
}
