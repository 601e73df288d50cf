//! The price list: what a token of each model costs, as of when.

mod cost;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::value::Datetime;

pub use cost::Cost;

use crate::catalog::{FileError, Source, quoted};
use crate::chat::{Digest, Usage, pack};

/// Largest price list, in bytes.
const PRICES_FILE_BYTES_MAX: usize = 1 << 20;
/// Highest price that is believed, in USD per million tokens.
const USD_PER_MILLION_MAX: u64 = 10_000;
/// Tokens that a price in the file is for.
const TOKENS_PRICED: u128 = 1_000_000;

/// A price list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct PriceError(#[from] pub FileError);

/// What one token of a model costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Of the request.
    pub input: Cost,
    /// Of the reply, reasoning included.
    pub output: Cost,
    /// Of the request, read from the provider's cache.
    pub cached_input: Cost,
    /// Of the request, written to the provider's cache.
    pub cache_write: Cost,
    /// Day on which this was the price, as in `2025-10-01`.
    pub as_of: String,
}

impl Price {
    /// What a call costs. Tokens read from the cache and written to it are parts of the request's
    /// (see [`Usage`]): the rest of those costs the price of input.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let from_cache = usage.cached.saturating_add(usage.cache_written);
        let plain = usage.input.saturating_sub(from_cache);
        self.input.times(plain)
            + self.cached_input.times(usage.cached)
            + self.cache_write.times(usage.cache_written)
            + self.output.times(usage.output)
    }

    /// What a token of the request costs at most, whatever the provider's cache does.
    #[must_use]
    pub fn input_max(&self) -> Cost {
        self.input.max(self.cached_input).max(self.cache_write)
    }
}

/// Prices by the models' names in the models file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    prices: BTreeMap<String, Price>,
}

/// A price list, as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PricesFile {
    as_of: Spanned<toml::Value>,
    /// Where the prices are from; for people alone.
    #[serde(default, rename = "source")]
    _source: String,
    #[serde(default)]
    price: BTreeMap<String, PriceEntry>,
}

/// Prices in USD per million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    input: Spanned<toml::Value>,
    output: Spanned<toml::Value>,
    cached_input: Option<Spanned<toml::Value>>,
    cache_write: Option<Spanned<toml::Value>>,
}

impl PriceList {
    /// Reads a price list. Prices are in USD per million tokens, as numbers or texts; a price for
    /// reading from the cache or writing to it that isn't stated is that of input.
    ///
    /// # Errors
    ///
    /// The file isn't as it should be, or a price is negative, no decimal number, finer than
    /// 0.000001, or above 10,000: with `path`, line, column, and what would be right.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PriceError> {
        let source = Source { path, text };
        let file: PricesFile = source.parse(PRICES_FILE_BYTES_MAX)?;
        let as_of = day(source, &file.as_of)?;
        let mut prices = BTreeMap::new();
        for (model, entry) in &file.price {
            prices.insert(model.clone(), entry.read(source, &as_of)?);
        }
        Ok(Self { prices })
    }

    /// This list with another's prices instead of its own, model by model.
    #[must_use]
    pub fn overlaid(mut self, other: Self) -> Self {
        self.prices.extend(other.prices);
        self
    }

    /// What a token of this model costs, if it is listed.
    #[must_use]
    pub fn price(&self, model: &str) -> Option<&Price> {
        self.prices.get(model)
    }

    /// What a call of this model costs; nothing if the model isn't listed.
    #[must_use]
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Cost> {
        Some(self.price(model)?.cost(usage))
    }

    /// Digest of all prices and their days, however the files are written: SHA-256 over
    /// `proctor-prices-1` and the map from model to price as canonical MessagePack.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&[b"proctor-prices-1", pack(&self.prices).as_slice()].concat())
    }
}

impl PriceEntry {
    fn read(&self, source: Source<'_>, as_of: &str) -> Result<Price, FileError> {
        let input = per_token(source, "input", &self.input)?;
        let or_input = |key, value: &Option<_>| {
            let stated = value.as_ref().map(|value| per_token(source, key, value));
            stated.unwrap_or(Ok(input))
        };
        Ok(Price {
            input,
            output: per_token(source, "output", &self.output)?,
            cached_input: or_input("cached_input", &self.cached_input)?,
            cache_write: or_input("cache_write", &self.cache_write)?,
            as_of: as_of.to_owned(),
        })
    }
}

/// A day, as text or as TOML's own kind of date.
fn day(source: Source<'_>, value: &Spanned<toml::Value>) -> Result<String, FileError> {
    let date = match value.get_ref() {
        toml::Value::Datetime(date) => Some(*date),
        toml::Value::String(text) => text.parse::<Datetime>().ok(),
        _ => None,
    };
    date.filter(|date| date.time.is_none() && date.offset.is_none())
        .and_then(|date| date.date)
        .map(|date| date.to_string())
        .ok_or_else(|| {
            source.wrong(
                value,
                "`as_of` must be the day of these prices, as in \"2025-10-01\"",
            )
        })
}

/// The price of one token, from that of a million. The text of the file is read, so that no
/// binary fraction comes in between.
fn per_token(
    source: Source<'_>,
    key: &str,
    value: &Spanned<toml::Value>,
) -> Result<Cost, FileError> {
    let text = match value.get_ref() {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(_) | toml::Value::Float(_) => source.literal(value.span()).to_owned(),
        other => format!("a {}", other.type_str()),
    };
    let highest = Cost::from_pico(1_000_000_000_000).times(USD_PER_MILLION_MAX);
    text.parse::<Cost>()
        .ok()
        .filter(|usd| *usd <= highest && usd.pico() % TOKENS_PRICED == 0)
        .map(|usd| Cost::from_pico(usd.pico() / TOKENS_PRICED))
        .ok_or_else(|| {
            let message = format!(
                "`{key}` is {}; a price is in USD per million tokens, from 0 to \
                 {USD_PER_MILLION_MAX}, in digits with at most 6 after the point, as in 0.15",
                quoted(&text)
            );
            source.wrong(value, message)
        })
}
