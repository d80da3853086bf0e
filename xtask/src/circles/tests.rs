use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::graph::{circles, edges};
use super::tree::Tree;

/// The circles of a crate given as (file, content), each as its files in order.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let edges = edges(&tree(files));
    let names =
        |circle: BTreeSet<&PathBuf>| circle.into_iter().map(|file| file.display().to_string()).collect();
    circles(&edges).into_iter().map(names).collect()
}

/// The uses of a crate, as `from -> to: item`.
fn edges_of(files: &[(&str, &str)]) -> Vec<String> {
    let edges = edges(&tree(files)).into_iter();
    edges.map(|edge| format!("{} -> {}: {}", edge.from.display(), edge.to.display(), edge.item)).collect()
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let read = |path: &Path| {
        files.iter().find(|(name, _)| path == Path::new(name)).map(|(_, content)| (*content).to_owned())
    };
    Tree::read(Path::new(files[0].0), &read).expect("the root is there")
}

#[test]
fn modules_that_lean_one_way_make_no_circle() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::{A, run}; pub use c::C;"),
        ("a.rs", "use crate::b::B; use std::fmt; pub struct A(B); pub fn run(c: crate::C) {}"),
        ("b.rs", "use super::c::{self, C}; pub struct B(C); fn f() { c::make() }"),
        ("c.rs", "pub struct C; pub fn make() -> C { C }"),
    ];
    assert!(circles_of(&files).is_empty());
    assert_eq!(
        edges_of(&files),
        [
            "a.rs -> b.rs: crate::b::B",
            "a.rs -> c.rs: crate::C",
            "b.rs -> c.rs: c::make",
            "b.rs -> c.rs: super::c::C"
        ]
    );
}

#[test]
fn two_that_use_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; impl B { fn a() -> Option<crate::a::A> { None } }"),
    ];
    assert_eq!(circles_of(&files), [["a.rs", "b.rs"]]);
}

#[test]
fn three_in_a_row_that_ends_at_its_beginning_are_a_circle_and_what_only_leads_to_it_is_not_in_it() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use super::b::B; pub struct A;"),
        ("b.rs", "use super::{c::{C, other as o}, d}; pub struct B;"),
        ("c.rs", "pub struct C; pub fn other() { super::a::A; }"),
        ("d.rs", "use crate::a::A; pub struct D;"),
    ];
    assert_eq!(circles_of(&files), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn a_re_export_leads_to_the_file_that_defines_the_item() {
    let files = [
        ("lib.rs", "mod a; mod b; pub(crate) use a::A; pub use b::*;"),
        ("a.rs", "use crate::B; pub struct A;"),
        ("b.rs", "mod deep; pub use deep::{B, B as C};"),
        ("b/deep.rs", "use crate::A; pub struct B;"),
    ];
    assert_eq!(circles_of(&files), [["a.rs", "b/deep.rs"]]);
}

#[test]
fn a_parent_that_its_children_use_and_that_uses_them_is_a_circle() {
    let child = ("p/child.rs", "use super::Item; pub(super) fn work(item: Item) {}");
    let plain = ("p.rs", "mod child; use child::work; pub struct Item;");
    assert_eq!(circles_of(&[("lib.rs", "mod p;"), plain, child]), [["p/child.rs", "p.rs"]]);
    let by_path = ("p.rs", "mod child; pub struct Item; fn f() { child::work(Item) }");
    assert_eq!(circles_of(&[("lib.rs", "mod p;"), by_path, child]).len(), 1);
    // Passing on is no use, but calling what is passed on is.
    let passing = ("p.rs", "mod child; pub use child::work; pub struct Item;");
    assert!(circles_of(&[("lib.rs", "mod p;"), passing, child]).is_empty());
    let calling = ("p.rs", "mod child; pub use child::work; pub struct Item; fn f() { work(Item) }");
    assert_eq!(circles_of(&[("lib.rs", "mod p;"), calling, child]).len(), 1);
    let root =
        [("lib.rs", "mod a; use a::f; pub struct Error;"), ("a.rs", "use crate::Error; pub fn f() {}")];
    assert_eq!(circles_of(&root), [["a.rs", "lib.rs"]]);
}

#[test]
fn what_stands_behind_a_star_is_found_by_its_name() {
    let child = ("p/child.rs", "use super::*; pub fn work(item: Item) {}");
    assert_eq!(
        circles_of(&[
            ("lib.rs", "mod p;"),
            ("p.rs", "mod child; struct Item; fn f() { child::work(Item) }"),
            child
        ])
        .len(),
        1
    );
    let unused = ("p/child.rs", "use super::*; pub fn work() {}");
    assert!(
        circles_of(&[
            ("lib.rs", "mod p;"),
            ("p.rs", "mod child; struct Item; fn f() { child::work() }"),
            unused
        ])
        .is_empty()
    );
}

#[test]
fn a_function_named_as_its_module_is_told_from_it() {
    let files = [
        ("lib.rs", "mod predict; mod a; pub use predict::predict;"),
        ("predict.rs", "pub fn predict() {} pub struct P;"),
        ("a.rs", "use crate::predict; use crate::predict::P;"),
    ];
    assert_eq!(
        edges_of(&files),
        ["a.rs -> predict.rs: crate::predict", "a.rs -> predict.rs: crate::predict::P"]
    );
}

#[test]
fn macros_and_the_paths_of_serde_count() {
    let files = [
        ("lib.rs", "#[macro_use] macro_rules! check { () => {} } mod a; mod b;"),
        ("a.rs", r#"fn f() { check!(); } #[serde(default = "crate::b::one")] struct A;"#),
        ("b.rs", "pub fn one() { $crate::a::A; }"),
    ];
    assert_eq!(
        edges_of(&files),
        ["a.rs -> b.rs: crate::b::one", "a.rs -> lib.rs: check", "b.rs -> a.rs: crate::a::A"]
    );
}

#[test]
fn modules_inside_a_file_are_of_that_file() {
    let files = [
        ("main.rs", "mod a; mod b { pub mod inner { use super::super::a::A; } mod more; } fn main() {}"),
        ("a.rs", "pub struct A; fn f() { crate::b::inner::g() }"),
        ("b/more.rs", "use super::inner::X; use super::super::a::A;"),
    ];
    assert_eq!(circles_of(&files), [["a.rs", "main.rs"]]);
    assert!(edges_of(&files).contains(&"b/more.rs -> a.rs: super::super::a::A".to_owned()));
}

#[test]
fn code_for_tests_comments_and_strings_are_left_out() {
    let b = r##"
        //! [`crate::a::A`]
        /* use crate::a::A; /* and */ use crate::a::A; */
        pub struct B<'a>(&'a str, char);
        const TEXT: &str = r#"use "crate::a::A";"#;
        const QUOTES: (&str, char, u8) = ("\" crate::a::A", '"', b'\'');
        #[cfg(test)]
        use crate::a::{self, A};
        #[cfg(all(test, unix))]
        #[allow(unused)]
        fn helper(a: [u8; 2]) -> crate::a::A { if true { crate::a::A } }
        #[cfg(test)]
        const ALL: [crate::a::A; 1] = { [crate::a::A] };
        #[cfg(test)]
        mod checks { use crate::a::A; }
        #[cfg(test)]
        mod more;
        mod tests;
        struct Fields { #[cfg(test)] a: crate::a::A }
        fn here(x: &B<'_>) -> impl Sized + use<'_> { x.0.len() }
    "##;
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; fn f() -> crate::b::B { crate::b::here() }"),
        ("b.rs", b),
        ("b/tests.rs", "use crate::a::A;"),
        ("b/more.rs", "use crate::a::A;"),
    ];
    assert_eq!(edges_of(&files), ["a.rs -> b.rs: crate::b::B", "a.rs -> b.rs: crate::b::here"]);
}
