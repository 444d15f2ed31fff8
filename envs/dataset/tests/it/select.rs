//! Selections of instances.

use dataset::{Selection, read_ids, select};
use env_core::Instance;

fn instances() -> Vec<Instance> {
    let ids = ["a__a-1", "a__a-2", "Project-MONAI__MONAI-10", "b__b-3"];
    let instance = |id: &&str| Instance {
        instance_id: (*id).to_owned(),
        repo: String::new(),
        base_commit: String::new(),
        problem_statement: String::new(),
        hints_text: String::new(),
        version: String::new(),
    };
    ids.iter().map(instance).collect()
}

/// Returns the ids picked, or what is wrong.
fn picked(ids: &[&str], filter: Option<&str>, slice: Option<&str>) -> String {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let (filter, slice) = (filter.map(str::to_owned), slice.map(str::to_owned));
    shown(&instances(), &Selection { ids, filter, slice, shuffle: None })
}

fn shown(instances: &[Instance], selection: &Selection) -> String {
    match select(instances, selection) {
        Ok(picked) => picked.iter().map(|place| instances[*place].instance_id.as_str()).collect::<Vec<_>>().join(" "),
        Err(err) => err.to_string(),
    }
}

#[test]
fn ids_filters_and_slices_narrow_down() {
    assert_eq!(picked(&[], None, None), "a__a-1 a__a-2 Project-MONAI__MONAI-10 b__b-3");
    assert_eq!(picked(&["project-monai__monai-10", "A__A-1", "a__a-1"], None, None), "Project-MONAI__MONAI-10 a__a-1");
    assert_eq!(picked(&[], Some("^[ab]__"), None), "a__a-1 a__a-2 b__b-3");
    assert_eq!(picked(&[], Some("monai"), None), "Project-MONAI__MONAI-10");
    for (slice, expected) in [
        (":1", "a__a-1"),
        ("1:2", "a__a-2"),
        ("-1:", "b__b-3"),
        ("3:99", "b__b-3"),
        (" 2 : -1 ", "Project-MONAI__MONAI-10"),
    ] {
        assert_eq!(picked(&[], None, Some(slice)), expected, "{slice}");
    }
    assert_eq!(picked(&[], Some("a__"), Some("1:")), "a__a-2");
}

#[test]
fn a_seed_stands_for_one_order_and_a_slice_is_of_it() {
    let of = |instances: &[Instance], shuffle, slice: Option<&str>| {
        shown(instances, &Selection { shuffle: Some(shuffle), slice: slice.map(str::to_owned), ..Selection::default() })
    };
    let instances = instances();
    let reversed: Vec<Instance> = instances.iter().rev().cloned().collect();
    assert_eq!(of(&instances, 0, None), "a__a-1 b__b-3 a__a-2 Project-MONAI__MONAI-10");
    assert_eq!(of(&reversed, 0, None), of(&instances, 0, None));
    assert_eq!(of(&reversed, 0, Some(":2")), "a__a-1 b__b-3");
    let orders: std::collections::HashSet<String> = (0..40).map(|seed| of(&instances, seed, None)).collect();
    assert!(orders.len() > 15, "{} orders", orders.len());
}

#[test]
fn what_cannot_be_selected_is_said() {
    assert_eq!(picked(&["a__a-3"], None, None), "unknown instance `a__a-3`\nhint: did you mean `a__a-1`?");
    assert_eq!(picked(&[], Some("zzz"), None), "none of 4 instances is selected by filter `zzz`");
    assert_eq!(picked(&[], None, Some("3:1")), "none of 4 instances is selected by slice `3:1`");
    for slice in ["", "3", "a:b", "1:2:3", "99999999999999999999:"] {
        assert!(picked(&[], None, Some(slice)).contains("is not a slice"), "{slice}");
    }
    assert!(picked(&[], Some("("), None).starts_with("`(` is not a regular expression"));
}

#[test]
fn ids_are_read_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ids.txt");
    for text in ["a\n\n b # why\r\n# c\n", "[\"a\", \"b\"]", "\u{feff}a\nb"] {
        std::fs::write(&file, text).expect("written");
        assert_eq!(read_ids(&file).expect("it is sound"), ["a", "b"], "{text}");
    }
    for text in ["", "# none\n", "[1]"] {
        std::fs::write(&file, text).expect("written");
        read_ids(&file).expect_err(text);
    }
}
