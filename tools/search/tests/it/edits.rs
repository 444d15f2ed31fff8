//! Edits over a shared base.

use search::{Cache, CodeIndex, Options, SearchRequest};

use crate::tree::SHOP;

fn files(tree: &[(String, String)]) -> Vec<(String, Vec<u8>)> {
    tree.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect()
}

fn answers(index: &CodeIndex) -> String {
    let mut shown = String::new();
    for query in ["round price", "cart lines quantity", "f3 changed", "total tax rate", "shop.cart.Cart"] {
        shown += &format!("{:?}\n", index.search(&SearchRequest::text(query)).unwrap());
    }
    let named = SearchRequest { class_names: vec!["Cart".to_owned()], ..SearchRequest::default() };
    shown + &format!("{:?}", index.search(&named).unwrap())
}

/// After any edits, an index answers as one that is made of the edited tree.
#[test]
fn an_edited_index_answers_like_a_new_one() {
    let mut tree: Vec<(String, String)> =
        SHOP.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let (cache, options) = (Cache::none(), Options::default());
    let mut index = CodeIndex::from_files(files(&tree), &cache, &options).unwrap();
    let base = index.clone();
    let before = answers(&base);
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..80 {
        let changes = match random.u8(..4) {
            0 if tree.len() > 2 => {
                let (path, _) = tree.remove(random.usize(..tree.len()));
                vec![(path, None)]
            }
            1 => {
                let path = format!("shop/new{}.py", random.u8(..4));
                tree.retain(|(other, _)| *other != path);
                tree.push((path.clone(), format!("def f{round}(price):\n    return round(price)\n")));
                vec![(path, tree.last().map(|(_, text)| text.clone().into_bytes()))]
            }
            _ => {
                let at = random.usize(..tree.len());
                let (path, text) = &mut tree[at];
                text.push_str(&format!("\n\ndef changed{round}(cart):\n    return cart.total\n"));
                vec![(path.clone(), Some(text.clone().into_bytes()))]
            }
        };
        index.update(changes).unwrap();
        let new = CodeIndex::from_files(files(&tree), &cache, &options).unwrap();
        assert_eq!(index.paths().collect::<Vec<_>>(), new.paths().collect::<Vec<_>>(), "round {round}");
        assert_eq!(answers(&index), answers(&new), "round {round}");
    }
    assert_eq!(answers(&base), before, "another episode on the same base sees nothing of it");
}
