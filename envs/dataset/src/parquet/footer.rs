//! Checks the footer of a Parquet file before its reader sees it.
//!
//! The reader passes over fields that it does not know, and over a list of two thousand million booleans, which takes
//! no room in the file, it passes for minutes. No writer makes such a list; a damaged file of 60 bytes may hold one.

use crate::parquet::thrift::{DEPTH, STRUCT, Thrift};

/// Returns whether a footer is a whole struct in which no list, map or text is longer than what is left.
pub(crate) fn is_plausible(footer: &[u8]) -> bool {
    Thrift::new(footer).skip(STRUCT, DEPTH).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_longer_than_the_file_are_refused() {
        // A struct whose first field is a list of `size` booleans.
        let list = |size: &[u8]| [&[0x19, 0xf1], size, &[0]].concat();
        assert!(is_plausible(&[0x19, 0x11, 0]));
        assert!(is_plausible(&[0x15, 0x02, 0x18, 0x01, b'x', 0]));
        assert!(!is_plausible(&list(&[0xff, 0xff, 0xff, 0xff, 0x07])));
        assert!(!is_plausible(&list(&[0xff; 12])));
        assert!(!is_plausible(&[0x1c; 100]), "nested too deeply");
        assert!(!is_plausible(&[0x18, 0x7f, 0]), "a text that is longer than the footer");
    }

    #[test]
    fn lists_in_a_list_are_not_longer_together_than_the_file() {
        // A list of 14 lists of 100 booleans each, in 300 bytes.
        let lists = [[0xf1_u8, 100].repeat(14), vec![0]].concat();
        let padding = [&[0x18, 0xff, 0x01][..], &[b'x'; 255]].concat();
        assert!(!is_plausible(&[&padding[..], &[0x19, 0xe9], &lists].concat()));
    }
}
