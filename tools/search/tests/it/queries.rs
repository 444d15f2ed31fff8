//! What requests find in the small repository.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use search::{CodeIndex, Options, SearchError, SearchRequest};

use crate::tree::{index, shop};

fn check(request: &SearchRequest, expected: Expect) {
    let shop = shop();
    expected.assert_eq(&shown(&index(shop.path()), request));
}

fn shown(index: &CodeIndex, request: &SearchRequest) -> String {
    let found = index.search(request).unwrap();
    let mut shown = String::new();
    for file in found.files {
        let ids: Vec<&str> = file.spans.iter().map(|found| found.span.id.as_str()).collect();
        writeln!(shown, "{}: {}", file.path, ids.join(" ")).unwrap();
    }
    if !found.did_you_mean.is_empty() {
        writeln!(shown, "did you mean {}", found.did_you_mean.join(", ")).unwrap();
    }
    shown
}

fn names(classes: &[&str], functions: &[&str]) -> SearchRequest {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    SearchRequest { class_names: owned(classes), function_names: owned(functions), ..SearchRequest::default() }
}

fn snippet(code: &str) -> SearchRequest {
    SearchRequest { code_snippet: code.to_owned(), ..SearchRequest::default() }
}

#[test]
fn words_find_spans_by_name_docstring_and_body() {
    check(
        &SearchRequest::text("negative quantities are refused"),
        expect![[r#"
        shop/cart.py: Cart.add_line
    "#]],
    );
    check(
        &SearchRequest::text("rounding of prices"),
        expect![[r#"
        shop/prices.py: SalePriceList.price_of PriceList.price_of SalePriceList PriceList round_price imports
        shop/cart.py: Cart.__init__ Cart.total imports
    "#]],
    );
}

#[test]
fn a_mentioned_module_is_found() {
    check(
        &SearchRequest::text("total is wrong\nsee shop.prices and the customer's cart"),
        expect![[r#"
        shop/cart.py: Cart.total
        shop/prices.py: imports
    "#]],
    );
}

#[test]
fn classes_and_functions_are_found_by_name() {
    check(
        &names(&["Cart"], &[]),
        expect![[r#"
        shop/cart.py: Cart
    "#]],
    );
    check(
        &names(&[], &["price_of"]),
        expect![[r#"
        shop/prices.py: PriceList.price_of SalePriceList.price_of
    "#]],
    );
    check(
        &names(&[], &["SalePriceList.price_of"]),
        expect![[r#"
        shop/prices.py: SalePriceList.price_of
    "#]],
    );
    check(
        &names(&["PriceList"], &["price_of"]),
        expect![[r#"
        shop/prices.py: PriceList.price_of
    "#]],
    );
}

#[test]
fn a_misspelt_name_gets_suggestions() {
    check(
        &names(&["PricesList"], &[]),
        expect![[r#"
        did you mean PriceList
    "#]],
    );
    check(
        &names(&[], &["addLine"]),
        expect![[r#"
        did you mean add_line
    "#]],
    );
    check(
        &names(&["Cart"], &["price_of"]),
        expect![[r#"
            did you mean PriceList.price_of, SalePriceList.price_of
        "#]],
    );
}

#[test]
fn snippets_are_found_whatever_their_white_space() {
    check(
        &snippet("sum( (self.prices.price_of(p)*q\n for p, q in self.lines),"),
        expect![[r#"
        shop/cart.py: Cart.total
    "#]],
    );
    check(
        &snippet("ound_price(full *"),
        expect![[r#"
        shop/prices.py: SalePriceList.price_of
    "#]],
    );
    check(&snippet("no_such_code(1)"), expect![""]);
}

#[test]
fn criteria_are_combined() {
    let pattern = |request: SearchRequest, pattern: &str| SearchRequest { file_pattern: pattern.to_owned(), ..request };
    check(
        &pattern(SearchRequest::text("price"), "cart.py"),
        expect![[r#"
        shop/cart.py: Cart.__init__ Cart.total imports
    "#]],
    );
    check(&pattern(names(&[], &["price_of"]), "shop/c*.py"), expect![""]);
    check(
        &pattern(SearchRequest::default(), "shop/"),
        expect![[r#"
        shop/cart.py: 
        shop/prices.py: 
    "#]],
    );
    for root in [".", "./", "/"] {
        check(
            &pattern(SearchRequest::text("negative quantity"), root),
            expect![[r#"
                shop/cart.py: Cart.add_line
            "#]],
        );
    }
    check(
        &SearchRequest { code_snippet: "* 0.8".to_owned(), ..names(&[], &["price_of"]) },
        expect![[r#"
        shop/prices.py: SalePriceList.price_of
    "#]],
    );
}

#[test]
fn blank_names_are_not_asked_for() {
    let request = names(&[" ", ""], &[""]);
    check(
        &SearchRequest { query: "negative quantity".to_owned(), ..request.clone() },
        expect![[r#"
            shop/cart.py: Cart.add_line
        "#]],
    );
    let shop = shop();
    assert!(matches!(index(shop.path()).search(&request), Err(SearchError::Empty)));
}

#[test]
fn paths_may_begin_with_the_root() {
    let shop = shop();
    let root = shop.path().canonicalize().unwrap();
    let index = index(shop.path());
    let pattern = format!("{}/shop/c*.py", root.display());
    let found = index.search(&SearchRequest { file_pattern: pattern, ..SearchRequest::text("price") }).unwrap();
    assert_eq!(found.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["shop/cart.py"]);
    assert!(index.file(&root.join("shop/cart.py").to_string_lossy()).unwrap().is_some());
}

#[test]
fn tests_are_left_out_unless_asked_for() {
    let shop = shop();
    let options = Options { tests: true, ..Options::default() };
    let index = CodeIndex::open(shop.path(), &search::Cache::none(), &options).unwrap();
    let request = SearchRequest::text("total of a cart");
    expect![[r#"
        shop/cart.py: Cart.total
    "#]]
    .assert_eq(&shown(&index, &request));
    expect![[r#"
        shop/cart.py: Cart.total
        tests/test_cart.py: test_total
    "#]]
    .assert_eq(&shown(&index, &SearchRequest { include_tests: true, ..request }));
}

#[test]
fn symbols_have_definitions_and_references() {
    let shop = shop();
    let index = index(shop.path());
    let places = |places: Vec<search::Place>| {
        let lines = places.iter().flat_map(|place| place.lines.iter().map(move |(number, line)| (place, number, line)));
        lines
            .map(|(place, number, line)| format!("{} {} {number}: {}\n", place.path, place.span.id, line.trim()))
            .collect::<String>()
    };
    expect![[r#"
        shop/prices.py PriceList.price_of 10: def price_of(self, product):
        shop/prices.py SalePriceList.price_of 15: def price_of(self, product):
        shop/prices.py SalePriceList.price_of 16: full = super().price_of(product)
    "#]]
    .assert_eq(&places(index.definitions("price_of", false).unwrap()));
    expect![[r#"
        shop/prices.py SalePriceList 14: class SalePriceList(PriceList):
    "#]]
    .assert_eq(&places(index.references("PriceList", false).unwrap()));
    expect![[r#"
        shop/prices.py PriceList.price_of 11: return round_price(self[product])
        shop/prices.py SalePriceList.price_of 17: return round_price(full * 0.8)
    "#]]
    .assert_eq(&places(index.references("round_price", false).unwrap()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let shop = shop();
    let index = index(shop.path());
    for request in
        [SearchRequest::default(), SearchRequest { file_pattern: "a[".to_owned(), ..SearchRequest::default() }]
    {
        let err = index.search(&request).unwrap_err();
        assert!(matches!(err, SearchError::Empty | SearchError::Pattern { .. }), "{err}");
    }
}

#[test]
fn an_answer_keeps_to_its_budget() {
    let shop = shop();
    let index = index(shop.path());
    let found = index.search(&SearchRequest::text("price")).unwrap();
    expect![[r#"
        shop/prices.py
          span `SalePriceList.price_of`, lines 15-17
            15      def price_of(self, product):
            16          full = super().price_of(product)
            17          return round_price(full * 0.8)
          span `PriceList.price_of`, lines 10-11
            10      def price_of(self, product):
            11          return round_price(self[product])
        Also found, not shown in full for lack of space:
          shop/prices.py
          shop/cart.py
    "#]]
    .assert_eq(&index.render(&found, 100, 3, &crate::texts()).unwrap());
}

#[test]
fn what_was_skipped_is_counted() {
    let shop = shop();
    crate::tree::write(shop.path(), &[("a_pb2.py", ""), ("shop/gen.py", "# @generated by x\n"), ("shop/b.py", "a\0b")]);
    let index = index(shop.path());
    expect!["(2, 15) {Other: 1, Vendored: 1, Generated: 2, Binary: 1, Test: 1}"].assert_eq(&format!(
        "{:?} {:?}",
        index.size(),
        index.skipped().counts
    ));
}
