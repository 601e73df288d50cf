//! What may be left out: drawn as often as told, and left out by shrinking before anything else
//! about it is made simpler.

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// A value of `of` in this share of all draws.
pub(crate) fn dispensable<S: Strategy>(share: f64, of: S) -> Dispensable<S> {
    Dispensable { share, of }
}

#[derive(Debug)]
pub(crate) struct Dispensable<S> {
    share: f64,
    of: S,
}

pub(crate) struct Tree<T> {
    inner: Option<T>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    There,
    LeftOut,
    /// It was left out, and cannot be.
    Needed,
}

impl<S: Strategy> Strategy for Dispensable<S> {
    type Tree = Tree<S::Tree>;
    type Value = Option<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let there = proptest::bool::weighted(self.share).new_tree(runner)?;
        let inner = if there.current() {
            Some(self.of.new_tree(runner)?)
        } else {
            None
        };
        Ok(Tree {
            inner,
            state: State::There,
        })
    }
}

impl<T: ValueTree> ValueTree for Tree<T> {
    type Value = Option<T::Value>;

    fn current(&self) -> Self::Value {
        let inner = self.inner.as_ref()?;
        (self.state != State::LeftOut).then(|| inner.current())
    }

    fn simplify(&mut self) -> bool {
        match (&mut self.inner, self.state) {
            (None, _) | (_, State::LeftOut) => false,
            (Some(_), State::There) => {
                self.state = State::LeftOut;
                true
            }
            // Nothing is made simpler that could as well not be there.
            (Some(inner), State::Needed) => inner.simplify(),
        }
    }

    fn complicate(&mut self) -> bool {
        match (&mut self.inner, self.state) {
            (None, _) | (_, State::There) => false,
            (Some(_), State::LeftOut) => {
                self.state = State::Needed;
                true
            }
            (Some(inner), State::Needed) => inner.complicate(),
        }
    }
}
