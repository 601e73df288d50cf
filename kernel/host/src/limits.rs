//! How much a plugin may use in one call.

use std::time::Duration;

/// Limits of one call into a plugin. Fuel decides, because it is the same on every machine; the
/// wall clock is a backstop against a machine in trouble and never touches a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel, roughly one unit a WebAssembly instruction.
    pub fuel_per_call: u64,
    /// Linear memory of all the component's instances together, in bytes.
    pub memory_bytes_max: usize,
    /// Elements of one table.
    pub table_elements_max: usize,
    /// What the guest may hand to the host in one crossing, in bytes.
    pub output_bytes_max: usize,
    /// Work that the guest may ask of the kernel in one call, which fuel doesn't measure: 1 for a
    /// log line, 10 for a question, and 1 more for each record or tool in the answer.
    pub kernel_work_max: u64,
    /// Bytes of log lines, with a line break each, that are kept of one verification or one
    /// session; the rest is dropped and counted.
    pub log_bytes_max: usize,
    /// Longest wall-clock time of one call.
    pub call_time_max: Duration,
}

impl Limits {
    /// Largest component file that is compiled, in bytes. Compile time grows with size and is
    /// not otherwise bounded.
    pub const COMPONENT_BYTES_MAX: usize = 32 << 20;
    /// Stack of a guest call, in bytes.
    pub const STACK_BYTES_MAX: usize = 512 << 10;
    /// How often the clock that interrupts guests ticks.
    pub const TICK: Duration = Duration::from_millis(10);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel_per_call: 500_000_000,
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            output_bytes_max: 1 << 20,
            kernel_work_max: 1_000_000,
            log_bytes_max: 64 << 10,
            call_time_max: Duration::from_secs(30),
        }
    }
}
