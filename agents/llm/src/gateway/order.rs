//! Which endpoint an episode asks first, and which ones where that is down.

/// Returns the positions of `endpoints` (name and weight) in the order in which `key` asks them, by weighted rendezvous
/// hashing: over many keys each is first by its share of the weights, one that is added or removed moves the keys of its
/// own share alone, and every process comes to the same order. One of weight 0 is asked when no other can be.
pub(crate) fn order<'a>(key: &str, endpoints: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<usize> {
    let score = |(at, (name, weight)): (usize, (&str, f64))| (at, weight / -drawn(key, name).ln());
    let mut scored: Vec<(usize, f64)> = endpoints.into_iter().enumerate().map(score).collect();
    scored.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    scored.into_iter().map(|(at, _)| at).collect()
}

/// Returns a number between 0 and 1, neither of them, that is always the same for these two texts.
fn drawn(key: &str, name: &str) -> f64 {
    let bits = mixed(hash(&[key, name])) >> 11;
    (bits as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Returns a hash of texts that is the same in every process (FNV-1a).
pub(crate) fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads what few bits tell over all (the end of SplitMix64).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(endpoints: &[(&str, f64)]) -> Vec<usize> {
        (0..20_000).map(|key| order(&format!("repo__name-{key}"), endpoints.iter().copied())[0]).collect()
    }

    #[test]
    fn each_endpoint_has_its_share_of_the_keys() {
        let weights = [("http://a/v1", 1.0), ("http://b/v1", 2.0), ("http://c/v1", 5.0), ("http://d/v1", 0.0)];
        let firsts = firsts(&weights);
        for (at, (name, weight)) in weights.iter().enumerate() {
            let share = firsts.iter().filter(|first| **first == at).count() as f64 / 20_000.0;
            assert!((share - weight / 8.0).abs() < 0.015, "{name}: {share}");
        }
        assert_eq!(order("x", weights.iter().copied()).last(), Some(&3));
    }

    #[test]
    fn an_endpoint_that_is_added_takes_from_the_others_and_moves_nothing_between_them() {
        let few = [("http://a/v1", 1.0), ("http://b/v1", 1.0)];
        let many = [few[0], few[1], ("http://c/v1", 1.0)];
        for (before, after) in firsts(&few).into_iter().zip(firsts(&many)) {
            assert!(after == before || after == 2);
        }
    }
}
