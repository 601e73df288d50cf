//! The budget of a run: calls reserve what they could cost at most before they are made, and
//! settle what they did cost afterwards. So calls at the same time can't exceed it together.

#[cfg(test)]
mod tests;

use std::ops::{Add, AddAssign};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::price::{Cost, Price};

/// What calls came to, or could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Money.
    pub cost: Cost,
    /// Tokens in and out.
    pub tokens: u64,
    /// Calls.
    pub calls: u64,
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cost: self.cost + other.cost,
            tokens: self.tokens.saturating_add(other.tokens),
            calls: self.calls.saturating_add(other.calls),
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Spent {
    fn less(self, other: Self) -> Self {
        Self {
            cost: self.cost.less(other.cost),
            tokens: self.tokens.saturating_sub(other.tokens),
            calls: self.calls.saturating_sub(other.calls),
        }
    }
}

/// The most that one attempt at a call can come to. No tokenizer makes more tokens of a text than
/// it has bytes, and the words of JSON around each message are more than the tokens that a
/// provider puts around it; so the bytes of the request's body are the bound of its tokens, and
/// the reply has at most `tokens_max`. Without a price the cost is nothing, so that a budget in
/// USD doesn't hold for such a model.
#[must_use]
pub(crate) fn upper_bound(body_bytes: usize, tokens_max: u32, price: Option<&Price>) -> Spent {
    let input = u64::try_from(body_bytes).unwrap_or(u64::MAX);
    let output = u64::from(tokens_max);
    let cost = price.map(|price| price.input_max().times(input) + price.output.times(output));
    Spent {
        cost: cost.unwrap_or_default(),
        tokens: input.saturating_add(output),
        calls: 1,
    }
}

/// A call that the budget doesn't allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// Of money.
    #[error(
        "{spent} of {limit} USD are spent, and the next call could cost up to {wanted} USD; to go \
         on, resume with a larger budget"
    )]
    Cost {
        /// All that may be spent.
        limit: Cost,
        /// What is spent.
        spent: Cost,
        /// What the call could have cost.
        wanted: Cost,
    },
    /// Of tokens.
    #[error(
        "{spent} of {limit} tokens are spent, and the next call could take up to {wanted}; to go \
         on, resume with a larger budget"
    )]
    Tokens {
        /// All that may be spent.
        limit: u64,
        /// What is spent.
        spent: u64,
        /// What the call could have taken.
        wanted: u64,
    },
}

/// What a run may spend. It is shared by all of the run's calls.
#[derive(Debug)]
pub struct Budget {
    usd: Option<Cost>,
    tokens: Option<u64>,
    state: Mutex<State>,
    /// Room was given back, or the budget was closed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    settled: Spent,
    reserved: Spent,
    closed: Option<BudgetError>,
}

impl Budget {
    /// A budget with these limits, if any, of which the run has spent `spent_before` already.
    #[must_use]
    pub fn new(usd: Option<Cost>, tokens: Option<u64>, spent_before: Spent) -> Self {
        Self {
            usd,
            tokens,
            state: Mutex::new(State {
                settled: spent_before,
                ..State::default()
            }),
            changed: Notify::new(),
        }
    }

    /// Sets aside what a call could come to at most, and waits for room as long as calls under
    /// way may still leave some.
    ///
    /// # Errors
    ///
    /// The call could exceed the budget even if all calls under way came to nothing. The budget
    /// is closed then: this and every other call that waits or comes later gets the same error,
    /// also one that would fit. Calls under way settle as usual.
    pub async fn reserve(&self, upper: Spent) -> Result<Reservation<'_>, BudgetError> {
        loop {
            // From here on, no change is missed: this is made before the state is looked at.
            let changed = self.changed.notified();
            if self.try_reserve(upper)? {
                return Ok(Reservation {
                    budget: self,
                    upper,
                    actual: Spent::default(),
                });
            }
            changed.await;
        }
    }

    /// What is spent, with what was spent before; calls under way aren't in it.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.state().settled
    }

    /// Books what was spent without a reservation: by the run before it was resumed.
    pub fn charge(&self, spent: Spent) {
        self.release(Spent::default(), spent);
    }

    /// Whether there is room now. There will be none if there isn't any beside what is settled.
    fn try_reserve(&self, upper: Spent) -> Result<bool, BudgetError> {
        let mut state = self.state();
        if let Some(error) = &state.closed {
            return Err(error.clone());
        }
        if let Err(error) = self.fits(state.settled, upper) {
            state.closed = Some(error.clone());
            self.changed.notify_waiters();
            return Err(error);
        }
        let fits = self.fits(state.settled + state.reserved, upper).is_ok();
        if fits {
            state.reserved += upper;
        }
        Ok(fits)
    }

    fn fits(&self, spent: Spent, upper: Spent) -> Result<(), BudgetError> {
        let sum = spent + upper;
        if let Some(limit) = self.usd.filter(|limit| sum.cost > *limit) {
            return Err(BudgetError::Cost {
                limit,
                spent: spent.cost,
                wanted: upper.cost,
            });
        }
        if let Some(limit) = self.tokens.filter(|limit| sum.tokens > *limit) {
            return Err(BudgetError::Tokens {
                limit,
                spent: spent.tokens,
                wanted: upper.tokens,
            });
        }
        Ok(())
    }

    fn release(&self, upper: Spent, actual: Spent) {
        let mut state = self.state();
        state.reserved = state.reserved.less(upper);
        state.settled += actual;
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is set aside for a call. Dropped unsettled, it is given back as if the call had come to
/// nothing: whoever drops one for a call that was sent settles it instead.
#[must_use = "dropping it gives it back"]
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    upper: Spent,
    actual: Spent,
}

impl Reservation<'_> {
    /// Books what the call came to, whether or not that is less than was set aside.
    pub fn settle(mut self, actual: Spent) {
        self.actual = actual;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.release(self.upper, self.actual);
    }
}
