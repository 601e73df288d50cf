//! Which episode is next: each taken once, none too far ahead of the oldest that isn't done.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far workers may run ahead of the oldest episode that isn't done: bounds what is held in
/// memory when one episode is slow.
const AHEAD_MAX: usize = 256;

/// The episodes of a run that are still to be done.
pub(super) struct Queue<'a> {
    next: AtomicUsize,
    window: Window<'a>,
    stop: &'a AtomicBool,
    halted: AtomicBool,
}

impl<'a> Queue<'a> {
    pub(super) fn new(
        total: usize,
        wanted: &'a (dyn Fn(usize) -> bool + Sync),
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            next: AtomicUsize::new(0),
            window: Window::new(total, wanted),
            stop,
            halted: AtomicBool::new(false),
        }
    }

    /// The next episode to do; nothing when there is none, or the run is over.
    pub(super) fn take(&self) -> Option<usize> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.window.total || self.over() {
                return None;
            }
            if (self.window.wanted)(index) {
                return self.window.wait(index, &|| self.over()).then_some(index);
            }
        }
    }

    /// Makes room for those that come after this episode.
    pub(super) fn done(&self, index: usize) {
        self.window.done(index);
    }

    /// Ends the run early: episodes under way are finished, no other is taken.
    pub(super) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// Whether the run was told to stop, or halted.
    pub(super) fn over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.halted.load(Ordering::Relaxed)
    }
}

/// Keeps workers from running too far ahead of the oldest unfinished episode.
struct Window<'a> {
    state: Mutex<WindowState>,
    moved: Condvar,
    total: usize,
    wanted: &'a (dyn Fn(usize) -> bool + Sync),
}

#[derive(Default)]
struct WindowState {
    oldest: usize,
    finished: BTreeSet<usize>,
}

impl WindowState {
    /// Moves the window past everything that is finished or isn't to be done.
    fn advance(&mut self, total: usize, wanted: &(dyn Fn(usize) -> bool + Sync)) {
        while self.oldest < total && (self.finished.remove(&self.oldest) || !wanted(self.oldest)) {
            self.oldest += 1;
        }
    }
}

impl<'a> Window<'a> {
    fn new(total: usize, wanted: &'a (dyn Fn(usize) -> bool + Sync)) -> Self {
        let mut state = WindowState::default();
        // Of a run that goes on, what is recorded may be more than the window is wide.
        state.advance(total, wanted);
        Self {
            state: Mutex::new(state),
            moved: Condvar::new(),
            total,
            wanted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, WindowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `index` is near enough; false when the run is over instead.
    fn wait(&self, index: usize, over: &dyn Fn() -> bool) -> bool {
        let mut state = self.lock();
        loop {
            if over() {
                return false;
            }
            if index < state.oldest + AHEAD_MAX {
                return true;
            }
            let wait = Duration::from_millis(50);
            state = match self.moved.wait_timeout(state, wait) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn done(&self, index: usize) {
        let mut state = self.lock();
        state.finished.insert(index);
        state.advance(self.total, self.wanted);
        self.moved.notify_all();
    }
}
