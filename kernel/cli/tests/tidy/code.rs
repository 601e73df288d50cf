//! Where which call may stand, and what a source looks like.

use crate::{Source, assert_none, source, sources};

/// Longest source file, in lines: one that is longer tells more than one story.
const FILE_LINES_MAX: usize = 600;
/// Files that are longer for a reason.
const LONGER: &[&str] = &[];

/// Calls that may stand only where `within` and `except` let them.
struct Ban {
    calls: &'static [&'static str],
    /// What to do instead.
    instead: &'static str,
    /// Where it is banned: paths that start like this.
    within: &'static [&'static str],
    /// Where it stands for a reason: paths that start like this.
    except: &'static [&'static str],
}

/// All of the project.
const ANYWHERE: &[&str] = &[""];

const BANS: &[Ban] = &[
    Ban {
        calls: &["SystemTime", "Timestamp::now", "Zoned::now"],
        instead: "the time is the episode's clock, `Context::now`",
        within: ANYWHERE,
        except: &[],
    },
    Ban {
        calls: &["Instant::now"],
        instead: "what is recorded knows no wall clock; measure in benches/",
        within: ANYWHERE,
        // The duration of an episode and of a model's reply, which no hash covers; how long a
        // store or a model is waited for; and a proxy of tests that keeps bytes back for so long.
        except: &[
            "kernel/model/src/gateway.rs",
            "kernel/model/src/transport.rs",
            "kernel/episode/src/runner/worker.rs",
            "kernel/episode/src/runner/recovery.rs",
            "testing/cluster/src/proxy.rs",
        ],
    },
    Ban {
        calls: &["thread_rng", "rand", "getrandom", "RandomState", "new_v4"],
        instead: "chance and ids come from the episode's seed",
        within: ANYWHERE,
        except: &[],
    },
    Ban {
        calls: &["HashMap", "HashSet"],
        instead: "a BTreeMap, a BTreeSet or a sorted Vec: their order is the same in every process",
        within: ANYWHERE,
        // SQL texts by what they are for, and what a server made of them: looked up, never listed.
        except: &[
            "kernel/store/src/wording.rs",
            "kernel/store/src/postgres/session.rs",
        ],
    },
    Ban {
        calls: &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
        instead: "a library returns what it has to say; the program writes to `anstream::stdout()`",
        within: ANYWHERE,
        // A program of its own; and where a plugin that is tested natively logs to.
        except: &["plugins/build/", "plugins/sdk/src/log.rs"],
    },
    Ban {
        calls: &[
            "env::var",
            "env::vars",
            "env::var_os",
            "current_dir",
            "temp_dir",
        ],
        instead: "a parameter: only the program reads its environment",
        within: &[
            "kernel/",
            "plugins/sdk/",
            "plugins/verifiers/",
            "plugins/judges/",
            "plugins/policies/",
        ],
        except: &[
            "kernel/cli/src/examiners.rs",
            "kernel/cli/src/environment.rs",
        ],
    },
    Ban {
        calls: &["process::exit"],
        instead: "return an `ExitCode`",
        within: ANYWHERE,
        // The second Ctrl-C.
        except: &["kernel/cli/src/examining.rs"],
    },
    Ban {
        calls: &[".unwrap()", ".expect(\"", "todo!", "unimplemented!"],
        instead: "an error: outside input must never end the process",
        within: ANYWHERE,
        except: &[],
    },
    Ban {
        calls: &[
            "fs",
            "stdin",
            "stdout",
            "stderr",
            "env",
            "thread",
            "process",
            "TcpStream",
        ],
        instead: "crm is pure: rows, time and ids are given to it",
        within: &["kernel/crm/"],
        except: &[],
    },
    Ban {
        calls: &["rusqlite"],
        instead: "the `Store` trait: only store knows a database",
        within: ANYWHERE,
        except: &["kernel/store/"],
    },
    Ban {
        calls: &["tokio_postgres"],
        instead: "the `Store` trait: only store knows a database",
        within: ANYWHERE,
        except: &["kernel/store/"],
    },
    Ban {
        calls: &["reqwest"],
        instead: "the `Gateway`: only model knows the network",
        within: ANYWHERE,
        except: &["kernel/model/"],
    },
    Ban {
        calls: &["tokio"],
        instead: "a thread: only what speaks to servers waits for many things at once",
        within: ANYWHERE,
        except: &["kernel/store/", "kernel/model/", "testing/provider/"],
    },
    Ban {
        calls: &["wasmtime"],
        instead: "proctor-host: only host knows the engine",
        within: ANYWHERE,
        except: &["kernel/host/"],
    },
    Ban {
        calls: &["unsafe"],
        instead: "there is always another way here",
        within: ANYWHERE,
        except: &["kernel/host/src/cache.rs"],
    },
];

/// Whether a source only runs in tests, benches or examples.
fn is_for_tests(source: &Source) -> bool {
    let folders = ["tests", "benches", "examples"];
    source.path.split('/').any(|part| folders.contains(&part)) || source.path.ends_with("/tests.rs")
}

/// The lines of a source that end up in the program, with their numbers from 1: no comments, and
/// nothing from the module of unit tests on.
fn program_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text
        .match_indices("#[cfg(test)]")
        .find(|(at, _)| {
            let mut lines = text[*at..].lines().map(str::trim_start);
            let next = lines.find(|line| !line.starts_with("#["));
            next.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
        })
        .map_or(text.len(), |(at, _)| at);
    let numbered = text[..end].lines().enumerate();
    numbered
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line has this call, not as part of a longer word.
fn has_call(line: &str, call: &str) -> bool {
    let of_word = |found: char| found.is_alphanumeric() || found == '_';
    line.match_indices(call).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(of_word);
        let after = line[at + call.len()..].chars().next().is_some_and(of_word);
        !(before && call.starts_with(of_word) || after && call.ends_with(of_word))
    })
}

fn starts_with_any(path: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| path.starts_with(start))
}

#[test]
fn every_source_says_what_it_is_for() {
    // A module's unit tests are for what the module is for.
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| source.is_rust() && !source.path.ends_with("/tests.rs"))
        .filter(|source| !source.text().starts_with("//! "))
        .map(|source| format!("{}: starts without module docs (`//! …`)", source.path))
        .collect();
    assert_none(&silent);
}

#[test]
fn every_source_tells_one_story() {
    let mut long = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        let lines = source.text().lines().count();
        if lines > FILE_LINES_MAX && !LONGER.contains(&source.path.as_str()) {
            long.push(format!(
                "{}: {lines} lines; at most {FILE_LINES_MAX}",
                source.path
            ));
        }
    }
    assert_none(&long);
}

#[test]
fn no_call_stands_where_it_must_not() {
    let mut breaches = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.is_rust() && !is_for_tests(source))
    {
        let path = &source.path;
        let here: Vec<&Ban> = BANS
            .iter()
            .filter(|ban| starts_with_any(path, ban.within) && !starts_with_any(path, ban.except))
            .collect();
        for (number, line) in program_lines(source.text()) {
            for ban in &here {
                for call in ban.calls.iter().filter(|call| has_call(line, call)) {
                    breaches.push(format!("{path}:{number}: `{call}`: {}", ban.instead));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_is_excepted_that_isnt_there() {
    let sources = sources();
    let mut dead = Vec::new();
    for ban in BANS {
        for except in ban.except {
            let has_any = |line: &str| ban.calls.iter().any(|call| has_call(line, call));
            let used = sources
                .iter()
                .filter(|source| source.path.starts_with(except))
                .any(|source| program_lines(source.text()).any(|(_, line)| has_any(line)));
            if !used {
                dead.push(format!(
                    "{except}: excepted from {:?} for nothing",
                    ban.calls
                ));
            }
        }
    }
    assert_none(&dead);
}

#[test]
fn calls_are_found_as_whole_words_outside_of_comments_and_tests() {
    let text = "//! Docs.\n// SystemTime\nlet now = std::time::SystemTime::now();\n\
                #[cfg(test)]\nuse a::b;\nfn c() { x.unwrap() }\n\
                #[cfg(test)]\n#[allow(dead_code)]\nmod tests {\n.unwrap()\n";
    let found = |call: &str| {
        let lines = program_lines(text).filter(|(_, line)| has_call(line, call));
        lines.map(|(number, _)| number).collect::<Vec<_>>()
    };
    assert_eq!(found("SystemTime"), [3]);
    assert_eq!(found("Time"), [0; 0]);
    assert_eq!(found(".unwrap()"), [6]);
    assert!(has_call("unsafe { x }", "unsafe"));
    assert!(!has_call("#![deny(unsafe_code)]", "unsafe"));
    assert!(has_call("eprintln!(\"x\")", "eprintln!"));
    assert!(!has_call("eprintln!(\"x\")", "println!"));
    assert!(has_call("use std::env::var;", "env::var"));
}

#[test]
fn nothing_of_a_machine_is_written_down() {
    let folders = ["root", "home", "Users", "work"].map(|folder| format!("/{folder}/"));
    let hosts = [
        ("crates", "io"),
        ("pypi", "org"),
        ("npmjs", "org"),
        ("debian", "org"),
    ]
    .map(|(name, top)| format!("{name}.{top}"));
    let mut breaches = Vec::new();
    for source in sources() {
        let text = String::from_utf8_lossy(&source.bytes);
        let path = &source.path;
        for folder in folders
            .iter()
            .filter(|folder| text.contains(folder.as_str()))
        {
            breaches.push(format!("{path}: has a path of one machine, {folder}…"));
        }
        // Lock files name the registry, and have a test of their own.
        let may_name_host = path.ends_with("Cargo.lock");
        for host in hosts
            .iter()
            .filter(|host| !may_name_host && text.contains(host.as_str()))
        {
            breaches.push(format!("{path}: names the host of a registry, {host}"));
        }
    }
    assert_none(&breaches);
}

#[test]
fn only_a_verifier_and_the_oracle_can_name_gold() {
    let worlds = source("wit/0.1.1/worlds.wit");
    let mut world = "";
    let mut imports: Vec<(&str, &str)> = Vec::new();
    for line in worlds.text().lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("world ") {
            world = name.trim_end_matches(" {");
        } else if let Some(interface) = line.strip_prefix("import ") {
            imports.push((interface.trim_end_matches(';'), world));
        }
    }
    let importers = |interface: &str| {
        let found = imports.iter().filter(|(import, _)| *import == interface);
        found.map(|(_, world)| *world).collect::<Vec<_>>()
    };
    assert_eq!(importers("gold"), ["verifier"]);
    assert_eq!(importers("examiner"), ["policy"]);
    assert_eq!(importers("log"), ["verifier", "judge", "policy", "teacher"]);
}
