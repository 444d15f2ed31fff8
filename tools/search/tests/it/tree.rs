//! Trees for tests.

use std::path::{Path, PathBuf};

use search::{Cache, CodeIndex, Options};
use tempfile::TempDir;

/// A small repository with two modules, a test and a vendored file.
pub(crate) const SHOP: &[(&str, &str)] = &[
    (
        "shop/cart.py",
        r#""""A cart and its lines."""

from decimal import Decimal

from shop.prices import PriceList, round_price

MAX_LINES = 100


class CartError(Exception):
    """Raised when a cart cannot be changed."""


class Cart:
    """What a customer is about to buy."""

    currency = "EUR"

    def __init__(self, prices: PriceList):
        self.prices = prices
        self.lines = []

    def add_line(self, product, quantity=1):
        """Adds a product.

        Refuses a negative quantity.
        """
        if quantity < 0:
            raise CartError("negative quantity")
        self.lines.append((product, quantity))

    # The tax is in the prices.
    @property
    def total(self):
        return sum((self.prices.price_of(p) * q for p, q in self.lines), Decimal(0))

    tax_rate = Decimal("0.19")
"#,
    ),
    (
        "shop/prices.py",
        r#"import math


def round_price(amount):
    """Rounds half up to cents."""
    return math.floor(amount * 100 + 0.5) / 100


class PriceList(dict):
    def price_of(self, product):
        return round_price(self[product])


class SalePriceList(PriceList):
    def price_of(self, product):
        full = super().price_of(product)
        return round_price(full * 0.8)
"#,
    ),
    ("tests/test_cart.py", "from shop.cart import Cart\n\n\ndef test_total():\n    assert Cart({}).total == 0\n"),
    ("vendor/other.py", "def round_price():\n    pass\n"),
    ("README.rst", "A shop.\n"),
];

/// Writes files below a folder.
pub(crate) fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Returns a folder with the small repository.
pub(crate) fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), SHOP);
    folder
}

/// Indexes a folder without a cache.
pub(crate) fn index(root: &Path) -> CodeIndex {
    CodeIndex::open(root, &Cache::none(), &Options::default()).unwrap()
}

/// Returns the newest of a project's source packages in a folder.
pub(crate) fn newest(trees: &Path, project: &str) -> PathBuf {
    let mut found: Vec<_> = std::fs::read_dir(trees).unwrap().flatten().collect();
    found.retain(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{project}-")));
    found.sort_by_key(std::fs::DirEntry::file_name);
    found.last().unwrap_or_else(|| panic!("no `{project}-*` in SPOTTER_TREES")).path()
}
