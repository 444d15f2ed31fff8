//! Text that cannot be guessed.

/// Returns 32 random hexadecimal digits.
pub fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // No kernel that runs containers lacks it; the hasher's keys come from the same source at an earlier time.
            Err(_) => return fallback_nonce(),
        }
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fallback_nonce() -> String {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ() {
        assert_eq!(nonce().len(), 32);
        assert_ne!(nonce(), nonce());
    }
}
