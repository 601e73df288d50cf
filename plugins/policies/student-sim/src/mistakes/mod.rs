//! The mistakes that real models make, made on purpose.
//!
//! The plan knows nothing of them: a call is spoiled on its way out, and whether a refusal that
//! it meets is heeded is chance, too. Each kind is drawn for itself, from the seed, the number of
//! the call and the kind, so that switching one off leaves the others as they are.

mod distort;
mod random;
mod rates;

use proctor_sdk::ToolCall;

use crate::context::Context;
use crate::planning::Planned;
use random::{draw, fraction};
use rates::{Kind, RATES, Rate};

/// Decides which mistakes are made.
pub(crate) struct Mistakes {
    seed: u64,
    factor: f64,
    /// Kinds that are not made: somebody has told the student.
    avoided: Vec<Kind>,
    /// Number of the call.
    step: u64,
    /// The last call as it was meant, if it was spoiled, and how.
    spoiled: Option<(&'static Rate, Planned)>,
}

impl Mistakes {
    /// Mistakes at `factor` times the usual rates, but for those named in `avoided`.
    ///
    /// # Errors
    /// When the factor is no number from 0, or a name is unknown.
    pub(crate) fn new(seed: u64, factor: &str, avoided: &str) -> Result<Self, String> {
        let number = factor.trim().parse::<f64>().ok();
        let Some(factor) = number.filter(|number| number.is_finite() && *number >= 0.0) else {
            return Err(format!(
                "the parameter `mistakes` is {factor:?}, not a number from 0"
            ));
        };
        let names = avoided
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let avoided = names.map(kind).collect::<Result<_, _>>()?;
        Ok(Self {
            seed,
            factor,
            avoided,
            step: 0,
            spoiled: None,
        })
    }

    /// The call as it is really made.
    pub(crate) fn make(&mut self, planned: &Planned, context: &Context) -> ToolCall {
        self.step += 1;
        self.spoiled = None;
        for rate in RATES
            .iter()
            .filter(|rate| !self.avoided.contains(&rate.kind))
        {
            let luck = draw(self.seed, self.step, rate.kind as u64);
            let chance = rate.made * distort::weight(rate.kind, planned) * self.factor;
            if fraction(luck) >= chance {
                continue;
            }
            if let Some(call) = distort::distort(rate.kind, planned, context, luck) {
                self.spoiled = Some((rate, planned.clone()));
                return wire(&call);
            }
        }
        wire(planned)
    }

    /// After a refusal: the call as it was meant, if it was spoiled and the student heeds what
    /// the refusal says.
    pub(crate) fn repair(&mut self) -> Option<ToolCall> {
        const REPAIR: u64 = 1 << 32;
        let (rate, meant) = self.spoiled.take()?;
        let luck = draw(self.seed, self.step, REPAIR | rate.kind as u64);
        (fraction(luck) < rate.repaired).then(|| wire(&meant))
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    let known = RATES.iter().find(|rate| rate.name == name);
    known.map(|rate| rate.kind).ok_or_else(|| {
        let names: Vec<&str> = RATES.iter().map(|rate| rate.name).collect();
        format!(
            "there is no mistake {name:?} to avoid; there are {}",
            names.join(", ")
        )
    })
}

/// A call as it goes over the wire.
fn wire(planned: &Planned) -> ToolCall {
    ToolCall {
        tool: planned.tool.to_owned(),
        arguments: serde_json::Value::Object(planned.arguments.clone()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn planned() -> Planned {
        let arguments = json!({"name": "A", "email": "a@b.example", "status": "Prospect"});
        Planned {
            tool: "create_new_client",
            arguments: arguments.as_object().unwrap().clone(),
        }
    }

    fn made(seed: u64, factor: &str, avoided: &str) -> ToolCall {
        let mut mistakes = Mistakes::new(seed, factor, avoided).unwrap();
        mistakes.make(&planned(), &Context::default())
    }

    #[test]
    fn none_are_made_at_zero_and_the_same_ones_with_the_same_seed() {
        for seed in 0..200 {
            assert_eq!(made(seed, "0", ""), wire(&planned()));
            assert_eq!(made(seed, "1", ""), made(seed, "1", ""));
        }
    }

    #[test]
    fn rates_are_about_what_the_table_says() {
        let lower = |call: &ToolCall| {
            call.arguments.contains("prospect\"") || call.arguments.contains("PROSPECT")
        };
        let count = (0..2_000)
            .filter(|seed| lower(&made(*seed, "1", "")))
            .count();
        assert!(
            (900..1_040).contains(&count),
            "{count} of 2000 with the wrong case"
        );
    }

    #[test]
    fn a_kind_can_be_switched_off() {
        let wrong = (0..500)
            .filter(|seed| {
                made(*seed, "1", "enum-casing")
                    .arguments
                    .contains("rospect\"")
            })
            .count();
        let upper = (0..500).any(|seed| {
            made(seed, "1", "enum-casing")
                .arguments
                .contains("PROSPECT")
        });
        assert!(wrong > 400 && !upper);
        assert!(Mistakes::new(0, "1", "typo").is_err());
        assert!(Mistakes::new(0, "often", "").is_err());
        assert!(Mistakes::new(0, "-1", "").is_err());
    }

    #[test]
    fn some_refusals_are_heeded() {
        let heeded = (0..2_000).filter(|seed| {
            let mut mistakes = Mistakes::new(*seed, "1", "").unwrap();
            let call = mistakes.make(&planned(), &Context::default());
            call != wire(&planned()) && mistakes.repair() == Some(wire(&planned()))
        });
        let heeded = heeded.count();
        assert!((200..400).contains(&heeded), "{heeded} of 2000 heeded");
    }
}
