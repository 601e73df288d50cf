#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};

use super::*;

fn tokens(tokens: u64) -> Spent {
    Spent {
        cost: Cost::from_pico(u128::from(tokens) * 1_000),
        tokens,
        calls: 1,
    }
}

fn budget(limit: u64) -> Budget {
    Budget::new(None, Some(limit), Spent::default())
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    one_thread().block_on(test)
}

/// What a future gives if it is ready when first asked.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::ZERO, future).await.ok()
}

#[test]
fn a_budget_without_limits_lets_everything_through_and_adds_it_up() {
    run(async {
        let budget = Budget::new(None, None, tokens(5));
        let huge = Spent {
            cost: Cost::from_pico(u128::MAX),
            tokens: u64::MAX,
            calls: 1,
        };
        let first = budget.reserve(huge).await.unwrap();
        let second = budget.reserve(huge).await.unwrap();
        first.settle(tokens(2));
        second.settle(tokens(3));
        assert_eq!(budget.spent().tokens, 10);
        assert_eq!(budget.spent().calls, 3);
        assert_eq!(budget.spent().cost, Cost::from_pico(10_000));
    });
}

#[test]
fn the_last_token_and_the_last_pico_dollar_may_be_spent() {
    run(async {
        assert!(budget(10).reserve(tokens(10)).await.is_ok());
        let usd = |pico| Budget::new(Some(Cost::from_pico(pico)), None, Spent::default());
        assert!(usd(10_000).reserve(tokens(10)).await.is_ok());
        assert!(usd(9_999).reserve(tokens(10)).await.is_err());
    });
}

#[test]
fn what_does_not_fit_is_refused_with_what_is_spent_and_what_was_wanted() {
    run(async {
        let error = budget(10).reserve(tokens(11)).await.unwrap_err();
        let (limit, spent, wanted) = (10, 0, 11);
        assert_eq!(
            error,
            BudgetError::Tokens {
                limit,
                spent,
                wanted
            }
        );
        let before = Spent {
            cost: "4.98".parse().unwrap(),
            ..Spent::default()
        };
        let budget = Budget::new(Some("5".parse().unwrap()), None, before);
        let upper = Spent {
            cost: "0.0213".parse().unwrap(),
            ..Spent::default()
        };
        assert_eq!(
            budget.reserve(upper).await.unwrap_err().to_string(),
            "4.98 of 5 USD are spent, and the next call could cost up to 0.0213 USD; to go on, \
             resume with a larger budget"
        );
    });
}

#[test]
fn a_call_waits_for_what_others_may_leave_and_gets_it() {
    run(async {
        let budget = budget(10);
        let first = budget.reserve(tokens(8)).await.unwrap();
        let mut second = Box::pin(budget.reserve(tokens(5)));
        assert!(at_once(&mut second).await.is_none());
        first.settle(tokens(5));
        let second = at_once(second).await.unwrap().unwrap();
        assert_eq!(budget.spent(), tokens(5));
        second.settle(tokens(5));
        assert_eq!(budget.spent().tokens, 10);
    });
}

#[test]
fn a_reservation_that_is_dropped_is_given_back() {
    run(async {
        let budget = budget(10);
        let first = budget.reserve(tokens(10)).await.unwrap();
        let mut second = Box::pin(budget.reserve(tokens(10)));
        assert!(at_once(&mut second).await.is_none());
        drop(first);
        assert!(at_once(second).await.unwrap().is_ok());
        assert_eq!(budget.spent(), Spent::default());
    });
}

#[test]
fn who_stops_waiting_leaves_nothing_behind() {
    run(async {
        let budget = budget(10);
        let first = budget.reserve(tokens(10)).await.unwrap();
        assert!(at_once(budget.reserve(tokens(10))).await.is_none());
        first.settle(Spent::default());
        assert!(budget.reserve(tokens(10)).await.is_ok());
    });
}

#[test]
fn a_call_that_can_never_fit_does_not_wait_for_others() {
    run(async {
        let budget = budget(10);
        let _under_way = budget.reserve(tokens(10)).await.unwrap();
        let refused = at_once(budget.reserve(tokens(11))).await;
        assert!(refused.unwrap().is_err());
    });
}

#[test]
fn after_the_first_refusal_all_who_wait_or_come_are_refused_and_those_under_way_settle() {
    run(async {
        let budget = budget(10);
        let under_way = budget.reserve(tokens(8)).await.unwrap();
        let mut waiting = Box::pin(budget.reserve(tokens(5)));
        assert!(at_once(&mut waiting).await.is_none());
        let error = budget.reserve(tokens(11)).await.unwrap_err();
        assert_eq!(at_once(waiting).await.unwrap().unwrap_err(), error);
        assert_eq!(budget.reserve(tokens(1)).await.unwrap_err(), error);
        under_way.settle(tokens(7));
        assert_eq!(budget.spent(), tokens(7));
        assert_eq!(budget.reserve(tokens(1)).await.unwrap_err(), error);
    });
}

#[test]
fn what_was_spent_before_a_run_was_resumed_counts() {
    run(async {
        let budget = Budget::new(None, Some(10), tokens(8));
        assert!(budget.reserve(tokens(2)).await.is_ok());
        assert!(budget.reserve(tokens(3)).await.is_err());
        let charged = self::budget(10);
        charged.charge(tokens(3));
        charged.charge(tokens(5));
        assert_eq!((charged.spent().tokens, charged.spent().calls), (8, 2));
        assert!(charged.reserve(tokens(2)).await.is_ok());
        assert!(charged.reserve(tokens(3)).await.is_err());
        let overspent = Budget::new(None, Some(10), tokens(11));
        assert!(overspent.reserve(Spent::default()).await.is_err());
    });
}

#[test]
fn a_call_that_came_to_more_than_was_set_aside_is_booked_in_full() {
    run(async {
        let budget = budget(10);
        budget.reserve(tokens(3)).await.unwrap().settle(tokens(9));
        assert_eq!(budget.spent(), tokens(9));
        assert!(budget.reserve(tokens(2)).await.is_err());
    });
}

#[test]
fn the_bound_of_a_call_holds_the_dearest_way_to_read_its_request() {
    let price = Price {
        input: Cost::from_pico(3),
        output: Cost::from_pico(100),
        cached_input: Cost::from_pico(1),
        cache_write: Cost::from_pico(4),
        as_of: "2025-10-01".to_owned(),
    };
    let bound = upper_bound(1_000, 50, Some(&price));
    assert_eq!(bound.cost, Cost::from_pico(9_000));
    assert_eq!((bound.tokens, bound.calls), (1_050, 1));
    assert_eq!(upper_bound(1_000, 50, None).cost, Cost::ZERO);
    let most = upper_bound(usize::MAX, u32::MAX, Some(&price));
    assert_eq!(most.tokens, u64::MAX);
}

#[test]
fn fifty_tasks_on_many_threads_never_exceed_it_and_all_end() {
    const LIMIT: u64 = 20_000;
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let budget = Arc::new(budget(LIMIT));
    let all = async {
        let mut tasks = JoinSet::new();
        for number in 0..50_u64 {
            let budget = Arc::clone(&budget);
            tasks.spawn(async move {
                let mut settled = 0;
                for call in 0..100 {
                    let upper = 50 + (number * 31 + call * 17) % 100;
                    let Ok(reservation) = budget.reserve(tokens(upper)).await else {
                        break;
                    };
                    yield_now().await;
                    assert!(budget.spent().tokens <= LIMIT);
                    let actual = upper / (1 + call % 3);
                    reservation.settle(tokens(actual));
                    settled += actual;
                }
                settled
            });
        }
        tasks.join_all().await.into_iter().sum::<u64>()
    };
    let settled = runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), all).await })
        .unwrap();
    assert_eq!(budget.spent().tokens, settled);
    assert!(settled <= LIMIT);
    // The budget was used: what remained was less than the largest call could take.
    assert!(settled > LIMIT - 150, "{settled}");
}

#[derive(Clone, Debug)]
struct Call {
    upper: u64,
    /// Nothing if it is given up.
    actual: Option<u64>,
    before: u8,
    during: u8,
}

fn call() -> impl Strategy<Value = Call> {
    let actual = |upper| (Just(upper), proptest::option::weighted(0.9, 0..=upper));
    let amounts = (0_u64..60).prop_flat_map(actual);
    (amounts, 0_u8..6, 0_u8..6).prop_map(|((upper, actual), before, during)| Call {
        upper,
        actual,
        before,
        during,
    })
}

async fn pause(times: u8) {
    for _ in 0..times {
        yield_now().await;
    }
}

async fn carry_out(budget: Arc<Budget>, call: Call) -> Option<u64> {
    pause(call.before).await;
    let reservation = budget.reserve(tokens(call.upper)).await.ok()?;
    pause(call.during).await;
    let actual = call.actual?;
    reservation.settle(tokens(actual));
    Some(actual)
}

proptest! {
    #[test]
    fn whatever_the_interleaving_no_more_is_spent_than_allowed(
        calls in proptest::collection::vec(call(), 0..40),
        limit in 0_u64..400,
    ) {
        let budget = Arc::new(budget(limit));
        let settled = run(async {
            let mut tasks = JoinSet::new();
            for call in calls.clone() {
                tasks.spawn(carry_out(Arc::clone(&budget), call));
            }
            let all = tasks.join_all();
            tokio::time::timeout(Duration::from_secs(60), all).await.unwrap()
        });
        let sum: u64 = settled.iter().flatten().sum();
        prop_assert!(sum <= limit);
        prop_assert_eq!(budget.spent().tokens, sum);
        prop_assert_eq!(budget.spent().calls, settled.iter().flatten().count() as u64);
        // Nothing stays reserved, and who fits even at the most is never refused.
        prop_assert_eq!(budget.state().reserved, Spent::default());
        if calls.iter().map(|call| call.upper).sum::<u64>() <= limit {
            prop_assert!(budget.state().closed.is_none());
        }
    }
}
