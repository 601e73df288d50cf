//! Manners at the terminal: colours where they are wanted, a progress bar where somebody looks.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;

/// Style of headings.
pub const BOLD: Style = Style::new().bold();
/// Style of what went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Style of what did not.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Style of what a person may pass over.
pub const DIM: Style = Style::new().dimmed();

/// Text in a style; whether colours are shown is decided where it is printed.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Says what is wrong and what to do, on standard error.
pub fn error(failure: &Failure) {
    if failure.is_quiet() {
        return;
    }
    let mut err = anstream::stderr();
    let label = styled(BAD.bold(), "error:");
    let _ = writeln!(err, "{label} {}", failure.message());
    if let Some(advice) = failure.advice() {
        let _ = writeln!(err, "{} {advice}", styled(BOLD, "hint:"));
    }
}

/// Says something that isn't the result, on standard error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A progress bar on standard error; nothing where that is no terminal.
pub fn progress(total: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A progress bar on standard error that counts bytes; nothing where that is no terminal.
pub fn progress_bytes(total: u64, what: &'static str) -> ProgressBar {
    let bar = progress(0, what);
    bar.set_length(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")
    {
        bar.set_style(style);
    }
    bar
}

/// A table without lines; the columns named in `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header.iter().map(Cell::new));
    for at in right {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table as text, without the blanks at the ends of its lines.
pub fn table_text(table: &Table) -> String {
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
