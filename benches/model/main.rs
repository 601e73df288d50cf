//! Models: what the gateway adds to a call, how fast recorded episodes are replayed, what many
//! slow calls at once take of memory, and whether a recording grows at the same speed.
//!
//! Each part prints what it measured beside its baseline of the same run. All of them run, or
//! those that are named: `cargo bench -p proctor-benches --bench model -- overhead append`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops where it cannot measure, and prints what it measured"
)]

mod append;
mod overhead;
mod replay;
mod setup;
mod slow;

const PARTS: [(&str, fn()); 4] = [
    ("overhead", overhead::run),
    ("replay", replay::run),
    ("slow", slow::run),
    ("append", append::run),
];

fn main() {
    if let Ok(task) = std::env::var(slow::CLIENT) {
        return slow::client(&task);
    }
    // Cargo adds options of its own.
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    for (name, part) in PARTS {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            println!("{name}");
            part();
        }
    }
}
