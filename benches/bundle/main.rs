//! Bundles: sealing and verifying against SHA-256 over the same bytes, a replay against the run
//! that it repeats, and the memory that verifying many episodes takes.
//!
//! What only the program can do is measured with the program, of the same profile:
//! `cargo build --release -p proctor` comes first. All parts run, or those that are named:
//! `cargo bench -p proctor-benches --bench bundle -- ratio replay memory`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops where it cannot measure, and prints what it measured"
)]

mod memory;
mod program;
mod ratio;
mod replay;

const PARTS: [(&str, fn()); 3] = [
    ("ratio", ratio::run),
    ("replay", replay::run),
    ("memory", memory::run),
];

fn main() {
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
