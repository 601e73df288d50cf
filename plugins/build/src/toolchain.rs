//! Finds a compiler for wasm32-unknown-unknown: rustup's, if the target is installed, or that of
//! Debian's packages rustc-web, rust-web-src, cargo-web and lld-22, which build the standard
//! library from source.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LINKER: &str = "wasm-ld-22";

/// Stack of a guest, in bytes: what it overflows, it traps on.
const STACK_BYTES: u32 = 128 << 10;

/// A compiler that can build for the target.
pub struct Toolchain {
    /// How it names itself.
    pub version: String,
    debian: bool,
}

impl Toolchain {
    /// Debian's first, because the lock file's components are built with it: its packages are
    /// the same everywhere. `PROCTOR_WASM_TOOLCHAIN=rustup` asks for rustup's.
    pub fn find() -> Result<Self, Box<dyn Error>> {
        let rustup = env::var("PROCTOR_WASM_TOOLCHAIN").is_ok_and(|kind| kind == "rustup");
        if !rustup
            && Path::new("/usr/share/rustc/bin").exists()
            && output(DEBIAN_LINKER, &["--version"]).is_ok()
        {
            let version = format!("Debian {}", output(DEBIAN_RUSTC, &["--version"])?);
            return Ok(Self {
                version,
                debian: true,
            });
        }
        let sysroot = output("rustc", &["--print", "sysroot"])?;
        if Path::new(&sysroot)
            .join("lib/rustlib")
            .join(TARGET)
            .is_dir()
        {
            return Ok(Self {
                version: output("rustc", &["--version"])?,
                debian: false,
            });
        }
        Err(format!(
            "no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian \
             `apt-get install rustc-web rust-web-src cargo-web lld-22`"
        )
        .into())
    }

    /// Builds the named crates as core modules.
    pub fn build(&self, root: &Path, plugins: &[&str]) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new(if self.debian { DEBIAN_CARGO } else { "cargo" });
        command
            .current_dir(root)
            .args([
                "build",
                "--release",
                "--locked",
                "--target",
                TARGET,
                "--target-dir",
            ])
            .arg(target_dir(root));
        for plugin in plugins {
            command.args(["-p", plugin]);
        }
        if self.debian {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
        }
        // Nothing of this machine may show in the bytes: not where the sources lie, not what
        // the caller's environment asks of the compiler.
        let cargo_home = env::var_os("CARGO_HOME").map_or_else(
            || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"),
            PathBuf::from,
        );
        let top = root.parent().ok_or("no parent folder")?;
        let mut flags = vec![
            // A guest's stack is part of the memory that every fresh instance gets: the default
            // of 1 MiB makes it dear to clear.
            format!("-Clink-arg=-zstack-size={STACK_BYTES}"),
            format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
            format!("--remap-path-prefix={}=/proctor", top.display()),
        ];
        // Cargo names the folder of a registry's sources after where it fetched them.
        if let Ok(registries) = std::fs::read_dir(cargo_home.join("registry/src")) {
            for registry in registries.flatten() {
                let folder = registry.path();
                flags.push(format!(
                    "--remap-path-prefix={}=/cargo/registry",
                    folder.display()
                ));
            }
        }
        for name in [
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "CARGO",
        ] {
            command.env_remove(name);
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        let status = command.status()?;
        if !status.success() {
            return Err(format!("building {} failed", plugins.join(", ")).into());
        }
        Ok(())
    }

    /// The core module of a plugin that was built.
    pub fn artifact(&self, root: &Path, plugin: &str) -> PathBuf {
        let file = format!("{}.wasm", plugin.replace('-', "_"));
        target_dir(root).join(TARGET).join("release").join(file)
    }
}

fn target_dir(root: &Path) -> PathBuf {
    root.join("target").join("guest")
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
