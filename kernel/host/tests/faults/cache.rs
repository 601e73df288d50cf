//! Compiled components on disk: used when they are what this user's machine wrote, and only then.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use proctor_host::{Host, Limits, LoadError};

use crate::{first_party, message, setting};

fn host(folder: &Path) -> Host {
    Host::new(Limits::default(), Some(folder)).unwrap()
}

/// Loads and runs a policy; panics unless it works.
fn run(host: &Host, name: &str) {
    let plugin = host.load(name, first_party(name), &[]).unwrap();
    let policy = host.policy(&plugin).unwrap();
    let mut session = policy.open(setting(&[])).unwrap();
    session.next(&message("hello")).unwrap();
    assert_eq!(policy.describe().unwrap().name, name);
}

/// What lies in the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The only file in the folder.
fn only(folder: &Path) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Tells a file from another that was renamed to its name.
fn identity(path: &Path) -> (u64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.mtime_nsec())
}

#[test]
fn a_component_is_compiled_once() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    run(&host(&folder), "noop");
    let path = only(&folder);
    let written = identity(&path);
    // Compiling always writes the file anew; only loading leaves it alone.
    run(&host(&folder), "noop");
    assert_eq!(identity(&path), written, "compiled again");
    assert_eq!(only(&folder), path);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a folder that we make is ours alone");
}

#[test]
fn a_damaged_file_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    run(&host(folder), "noop");
    let path = only(folder);
    let sound = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let longer = [sound.as_slice(), b"x"].concat();
    for (what, damaged) in [
        ("first byte", flipped(0)),
        ("a byte of the code", flipped(sound.len() / 2)),
        ("last byte of the code", flipped(sound.len() - 33)),
        ("first byte of the seal", flipped(sound.len() - 32)),
        ("last byte of the seal", flipped(sound.len() - 1)),
        ("cut short", sound[..sound.len() / 2].to_vec()),
        ("shorter than a seal", sound[..20].to_vec()),
        ("empty", Vec::new()),
        ("longer", longer),
    ] {
        fs::write(&path, damaged).unwrap();
        run(&host(folder), "noop");
        assert!(
            fs::read(&path).unwrap() == sound,
            "{what}: was not replaced"
        );
    }
}

#[test]
fn one_components_code_is_not_taken_for_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let host = host(folder);
    run(&host, "noop");
    let noop = only(folder);
    host.load("scripted", first_party("scripted"), &[]).unwrap();
    let scripted = files(folder)
        .into_iter()
        .find(|path| *path != noop)
        .unwrap();
    fs::copy(&scripted, &noop).unwrap();
    run(&host, "noop");
    assert!(fs::read(&noop).unwrap() != fs::read(&scripted).unwrap());
}

/// The error of a host that cannot use this folder.
fn refusal(folder: &Path) -> String {
    match Host::new(Limits::default(), Some(folder)) {
        Err(LoadError::Cache(error)) => {
            assert_eq!(error.path, folder);
            error.to_string()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{} was taken", folder.display()),
    }
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let text = refusal(folder.path());
        assert!(text.contains("others may write to it"), "{mode:o}: {text}");
        assert!(text.contains(&format!("mode {:o}", mode & 0o777)), "{text}");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    run(&host(folder.path()), "noop");
}

#[test]
fn a_folder_of_somebody_elses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(folder.path(), Some(4_711), None).is_err() {
        return; // Only root can give a folder away.
    }
    let text = refusal(folder.path());
    assert!(
        text.contains("belongs to another user (4711, not "),
        "{text}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    refusal(&file);
    refusal(&file.join("below"));
    // Not even root can make a file here.
    if Path::new("/proc/self/task").is_dir() {
        refusal(Path::new("/proc/self/task"));
    }
}

#[test]
fn a_folder_that_is_gone_later_costs_time_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    let host = host(&folder);
    fs::remove_dir(&folder).unwrap();
    run(&host, "noop");
    assert!(!folder.exists());
}

#[test]
fn threads_that_compile_at_once_do_not_get_in_each_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    for round in 0..3 {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| run(&host, "noop"));
            }
        });
        // Nothing half-written stays behind.
        let path = only(folder.path());
        let written = identity(&path);
        run(&host, "noop");
        assert_eq!(
            identity(&path),
            written,
            "round {round}: what was kept is not sound"
        );
        fs::remove_file(path).unwrap();
    }
}

const FOLDER: &str = "PROCTOR_TEST_CACHE_FOLDER";

/// What each process of the next test does.
#[test]
#[ignore = "run by the test of two processes"]
fn one_process_of_several() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    run(&host(&folder), "noop");
}

#[test]
fn processes_that_compile_at_once_do_not_get_in_each_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cache::one_process_of_several", "--ignored"])
            .env(FOLDER, folder.path())
            .output()
            .unwrap()
    };
    thread::scope(|scope| {
        let processes: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        for process in processes {
            let output = process.join().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}");
            assert!(text.contains("1 passed"), "{text}");
        }
    });
    let path = only(folder.path());
    let written = identity(&path);
    run(&host(folder.path()), "noop");
    assert_eq!(identity(&path), written, "what was kept is not sound");
}
