//! Chance, from a seed.

/// A number that looks random and depends on nothing but its inputs: the output function of
/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014) over
/// the seed and what the number is for.
pub(crate) fn draw(seed: u64, step: u64, purpose: u64) -> u64 {
    mix(mix(mix(seed) ^ step) ^ purpose)
}

/// One step of SplitMix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number as a fraction, from 0 to below 1.
pub(crate) fn fraction(draw: u64) -> f64 {
    const BITS: u32 = 53;
    (draw >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // First outputs of SplitMix64 with the seed 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn fractions_spread_evenly() {
        let below = (0..10_000)
            .filter(|step| fraction(draw(7, *step, 1)) < 0.15)
            .count();
        assert!((1_400..1_600).contains(&below), "{below}");
    }
}
