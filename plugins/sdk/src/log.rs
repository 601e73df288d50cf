//! Lines for whoever reads the telemetry.

#[cfg(target_arch = "wasm32")]
use crate::wire::proctor::plugin::log::{Level, write};

/// Something that helps the author.
pub fn debug(line: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Debug, line);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("debug: {line}");
}

/// Something worth keeping.
pub fn info(line: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Info, line);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("info: {line}");
}

/// Something a person should look at.
pub fn warn(line: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Warn, line);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("warn: {line}");
}

/// Sends panics to the log, where the host can read them. The export macros call it.
pub fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| warn(&panic.to_string())));
}
