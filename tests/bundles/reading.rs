//! What a person reads: on the terminal, and in the bundle.

use insta::assert_snapshot;

use super::{BUNDLE, Place, SEAL, masked};

#[test]
fn a_seal_says_what_was_sealed() {
    let place = Place::new();
    let mut seal = SEAL;
    seal[SEAL.len() - 1] = "again.bundle";
    assert_snapshot!(masked(&place.proctor(&seal).page()), @r"
    ── stdout
    again.bundle: [N] bytes, 38 members, 3 runs, manifest [sha256]
    sealed by key [KEY]
    ── exit code 0
    ");
    assert_snapshot!(masked(&place.bundle(&["keygen", "--out", "eve"]).stderr), @r"
    eve.key seals in your name: keep it to yourself; eve.pub is for those who check it: give it away
    eve.key has no password: whoever reads it can seal (PROCTOR_KEY_PASSWORD sets one)
    ");
}

#[test]
fn inspect_shows_what_is_in_it_and_who_signed() {
    let place = Place::new();
    let sign = ["--sign-with", "bob.key", "--out", "attested.bundle"];
    place.on("attest", BUNDLE, &sign).succeeded();
    let shown = place.on("inspect", "attested.bundle", &["--key", "bob.pub"]);
    assert_snapshot!(masked(&shown.page()), @r"
    ── stdout
    small: Three agents on four tasks
    format 1, sealed by proctor [VERSION], manifest [sha256]
    seal by key [KEY]: it holds
    countersignature by key [KEY]: it holds

    runs
    run episodes policy grants model command
    noop 4 noop – – proctor run --suite small --policy noop --trials 1 --seed 1
    oracle 4 oracle gold – proctor run --suite small --policy oracle --trials 1 --seed 1
    student-sim 8 student-sim – – proctor run --suite small --policy student-sim --trials 2 --seed 1 --param mistakes=0.5

    members by role
    role members bytes
    contract 12 [N]
    data 2 [N]
    document 4 [N]
    licence 1 [N]
    migration 2 [N]
    plugin 6 [N]
    provenance 1 [N]
    sbom 1 [N]
    schema 1 [N]
    snapshot 1 [N]
    suite 2 [N]
    table 2 [N]
    telemetry 3 [N]
    ── exit code 0
    ");
    // Their order is that of digests, some of them.
    let listed = place.on("inspect", BUNDLE, &["--members"]).succeeded();
    let shown = place.on("inspect", BUNDLE, &["--json"]).json();
    for member in shown["manifest"]["members"].as_array().unwrap() {
        let line = |line: &str| {
            ["path", "role", "sha256"].iter().all(|field| {
                let value = member[field].as_str().unwrap();
                line.split(' ').any(|word| word == value)
            })
        };
        assert!(listed.stdout.lines().any(line), "{member}");
    }
    let shown = place.bundle(&["inspect", BUNDLE]).succeeded();
    assert!(
        shown.stdout.contains("not checked: no key was given"),
        "{}",
        shown.page()
    );
}

#[test]
fn verify_and_replay_say_what_holds() {
    let place = Place::new();
    let sign = [
        "--sign-with",
        "bob.key",
        "--note",
        "as an auditor",
        "--out",
        "attested.bundle",
    ];
    assert_snapshot!(masked(&place.on("attest", BUNDLE, &sign).page()), @r"
    ── stdout
    same noop: 4 of 4 episodes, 22 lines of telemetry
    same oracle: 4 of 4 episodes, 27 lines of telemetry
    same student-sim: 8 of 8 episodes, 52 lines of telemetry
    same 2 tables
    attested.bundle: countersigned by key [KEY]
    ── stderr
    replaying noop: 4 episodes
    replaying oracle: 4 episodes
    replaying student-sim: 8 episodes
    ── exit code 0
    ");
    let verified = place.on("verify", "attested.bundle", &["--key", "bob.pub"]);
    assert_snapshot!(masked(&verified.page()), @r"
    ── stdout
    whole small: 38 members, [N] bytes, manifest [sha256]
    run noop: 4 episodes, 22 lines of telemetry, an unbroken chain
    run oracle: 4 episodes, 27 lines of telemetry, an unbroken chain
    run student-sim: 8 episodes, 52 lines of telemetry, an unbroken chain
    sealed by the holder of key [KEY]
    countersigned by the holder of key [KEY]
    key [KEY] replayed all of it on sqlite and got the same: as an auditor
    ── exit code 0
    ");
    assert_snapshot!(masked(&place.on_anyones("replay", BUNDLE).page()), @r"
    ── stdout
    same noop: 4 of 4 episodes, 22 lines of telemetry
    same oracle: 4 of 4 episodes, 27 lines of telemetry
    same student-sim: 8 of 8 episodes, 52 lines of telemetry
    same 2 tables
    ── stderr
    replaying noop: 4 episodes
    replaying oracle: 4 episodes
    replaying student-sim: 8 episodes
    ── exit code 0
    ");
}

#[test]
fn documents_in_a_bundle_lead_through_it() {
    let place = Place::new();
    place.on("extract", BUNDLE, &["--out", "out"]).succeeded();
    assert_snapshot!(masked(&place.sandbox.read("out/README.md")), @r"
    # small

    Three agents on four tasks

    A sealed bundle of runs by Proctor: agents worked on tasks in a CRM, verifiers marked
    what they did, and everything that this depended on is in this file. `manifest.json` names
    each file here with its size, its SHA-256 and what it is for; the signatures in
    `signatures/` are over the manifest.

    ## Runs

    | run | agent's policy | episodes | asks a model | telemetry |
    |---|---|---|---|---|
    | noop | noop | 4 | no | `runs/noop/telemetry.jsonl` |
    | oracle | oracle | 4 | no | `runs/oracle/telemetry.jsonl` |
    | student-sim | student-sim | 8 | no | `runs/student-sim/telemetry.jsonl` |

    What came of them is in `tables/`. A simulated agent is marked as such there.

    ## Check it

    With `proctor` of the version that the manifest names (if this bundle holds the program,
    `REPLAY.txt` says how to use it), where KEY is the public key of whoever sealed it:

    ```
    proctor bundle verify small.bundle --key KEY # who sealed it; every digest, chain and table
    proctor bundle replay small.bundle --key KEY # every episode again, offline, to the byte
    proctor bundle run small.bundle --key KEY --policy my-agent.wasm # another agent
    ```

    Without `proctor`, the signature can be checked after unpacking with minisign:

    ```
    minisign -V -m manifest.json -x signatures/KEYID.minisig -P KEY
    ```

    and each file with `sha256sum` against the manifest.

    ## Hand-off checklist

    - database snapshot: `snapshots/`, and the schema's steps in `migrations/`
    - telemetry, one file a run: `runs/`
    - telemetry's schema: `docs/telemetry.schema.json`, explained in `docs/telemetry.md`
    - summary tables: `tables/`
    - suite and canonical data: `suites/` and the folder of the data
    - plugins with their contract: `plugins/`, and the whole contract in `wit/`
    - regeneration guide: `docs/regenerate.md`
    - format of this file: `docs/bundle-format.md`
    - how it came to be: `provenance.json` (in-toto, SLSA)
    - what the program consists of: `sbom.cdx.json` (CycloneDX), licence in `licences/`
    - what models said: no model was asked
    ");
    assert_snapshot!(masked(&place.sandbox.read("out/docs/regenerate.md")), @r"
    # Making this bundle again

    Everything below works without a network, in the folder that the bundle was unpacked into
    (`proctor bundle extract`, or `unzip`), with `proctor` of the version that `manifest.json`
    names. Each run is made from the files here; its telemetry must come out the same but for
    `wall`, which `proctor bundle replay` compares line by line.

    ## noop

    Made by:

    ```
    proctor run --suite small --policy noop --trials 1 --seed 1
    ```

    Again, from here:

    ```
    proctor run --suite suites/small --policy noop --trials 1 --seed 1 --out ../again/noop
    ```

    ## oracle

    Made by:

    ```
    proctor run --suite small --policy oracle --trials 1 --seed 1
    ```

    Again, from here:

    ```
    proctor run --suite suites/small --policy oracle --trials 1 --seed 1 --out ../again/oracle
    ```

    ## student-sim

    Made by:

    ```
    proctor run --suite small --policy student-sim --trials 2 --seed 1 --param mistakes=0.5
    ```

    Again, from here:

    ```
    proctor run --suite suites/small --policy student-sim --trials 2 --seed 1 --param mistakes=0.5 --out ../again/student-sim
    ```

    ## The bundle

    ```
    proctor bundle seal ../again/noop ../again/oracle ../again/student-sim --name small --title 'Three agents on four tasks' --out ../again.bundle
    proctor bundle diff ../small.bundle ../again.bundle
    ```

    The telemetry's `wall` (times, and where rows lived) differs from one making to the next,
    and with it the digests of telemetry, tables that show times, and the manifest; so does
    what says by which command a run was made.
    ");
}
