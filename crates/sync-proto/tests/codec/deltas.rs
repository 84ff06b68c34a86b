use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sangam_sync_proto::delta::{DeltaPatch, Edit, Map, NotApplied, Value};
use sangam_sync_proto::message::{Bounds, Message};

use crate::samples::{by_name, unhex, vectors};

fn map(pairs: &[(&str, Value)]) -> Value {
    let mut map = Map::default();
    pairs.iter().for_each(|(key, value)| map.set(key, value.clone()));
    Value::Map(map)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What is left of a body after one edit.
fn edited(body: &Value, path: &str, edit: Edit) -> Result<Value, NotApplied> {
    let patch = DeltaPatch { base_version: 1, edits: vec![(path.to_owned(), edit)] };
    let body = patch.apply(&body.encode().into(), &Bounds::default())?;
    Ok(Value::decode(&body.into(), &Bounds::default()).unwrap())
}

fn float(number: f64) -> Vec<u8> {
    Value::Float(number).encode()
}

#[test]
fn every_patch_vector_comes_out_as_it_went_in() {
    let patches: Vec<_> = vectors().into_iter().filter(|vector| vector.kind == "delta").collect();
    assert_eq!(patches.len(), 3);
    for vector in patches {
        let patch = DeltaPatch::decode(&vector.bytes, &Bounds::default()).unwrap();
        assert_eq!(Bytes::from(patch.encode()), vector.bytes, "{}", vector.name);
        for end in 0..vector.bytes.len() {
            DeltaPatch::decode(&vector.bytes.slice(..end), &Bounds::default()).unwrap_err();
        }
    }
}

#[test]
fn patches_make_of_the_base_what_the_vectors_say() {
    let all = vectors();
    let body = |kind: &str| all.iter().find(|vector| vector.kind == kind).unwrap().bytes.clone();
    let vectors = by_name();
    for (patch, after) in [("V20", body("after-V20")), ("V21", body("after-V21")), ("V22", vectors["E1"].clone())] {
        let patch = DeltaPatch::decode(&vectors[patch], &Bounds::default()).unwrap();
        assert_eq!(patch.apply(&body("base"), &Bounds::default()).map(Bytes::from), Ok(after));
    }
}

#[test]
fn integers_are_counted_as_integers_and_any_float_makes_a_float() {
    let body = map(&[("i", Value::Integer(1)), ("f", Value::Float(0.5)), ("t", text("a"))]);
    let counted = |path: &str, by: Value| match edited(&body, path, Edit::Increment(by))? {
        Value::Map(map) => Ok(map.get(path).cloned()),
        other => panic!("{other}"),
    };
    assert_eq!(counted("i", Value::Integer(-3)), Ok(Some(Value::Integer(-2))));
    assert_eq!(counted("i", Value::Float(0.25)), Ok(Some(Value::Float(1.25))));
    assert_eq!(counted("f", Value::Integer(2)), Ok(Some(Value::Float(2.5))));
    assert_eq!(counted("none", Value::Integer(2)), Ok(None));
    for (path, by) in
        [("none", Value::Float(2.0)), ("t", Value::Integer(1)), ("i", text("1")), ("i", Value::Integer((1 << 64) - 1))]
    {
        assert_eq!(counted(path, by), Err(NotApplied::NoNumber(0)), "{path}");
    }
}

#[test]
fn what_is_no_array_gets_no_element_and_equal_in_print_is_equal() {
    let items =
        vec![Value::Integer(1), text("1"), Value::Float(1.0), Value::Null, Value::Array(vec![Value::Bool(true)])];
    let body = map(&[("a", Value::Array(items.clone())), ("t", text("a"))]);
    for edit in [Edit::ArrayAppend(text("x")), Edit::ArrayRemove(text("a"))] {
        assert_eq!(edited(&body, "t", edit.clone()), Ok(body.clone()));
        assert_eq!(edited(&body, "none", edit), Ok(body.clone()));
    }
    let without = |value: Value| match edited(&body, "a", Edit::ArrayRemove(value)).unwrap() {
        Value::Map(map) => map.get("a").unwrap().to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(without(Value::Integer(1)), "[1.0, null, [true]]");
    assert_eq!(without(text("null")), "[1, 1, 1.0, [true]]");
    assert_eq!(without(Value::Array(vec![Value::Bool(true)])), "[1, 1, 1.0, null]");
    assert_eq!(
        map(&[("a", Value::Bytes(Bytes::from_static(b"\x01\x02"))), ("b", map(&[]))]).to_string(),
        "{a: [1, 2], b: {}}"
    );
}

#[test]
fn a_patch_that_does_not_fit_is_not_applied() {
    let body = map(&[("m", map(&[("k", Value::Integer(1))])), ("t", text("a"))]);
    let set = || Edit::Set(Value::Null);
    for path in ["none.k", "t.k", "m.k.k", "m..k"] {
        assert_eq!(edited(&body, path, set()), Err(NotApplied::NoParent(0)), "{path}");
    }
    assert_eq!(edited(&text("a"), "k", set()), Err(NotApplied::NoParent(0)));
    assert_eq!(edited(&body, "m", Edit::Replace(Value::Null)), Err(NotApplied::PartReplaced(0)));
    assert_eq!(edited(&body, "", Edit::Replace(Value::Null)), Ok(Value::Null));
    assert_eq!(edited(&body, "m.none", Edit::Remove), Ok(body.clone()));
    let patch = DeltaPatch { base_version: 1, edits: vec![(String::from("a"), set())] };
    let refused = patch.apply(&unhex("a10102"), &Bounds::default()).unwrap_err();
    assert_eq!(refused.to_string(), "the body: a key is not text at byte 1");
}

#[test]
fn wrong_patches_are_refused() {
    let why = |hex: &str| DeltaPatch::decode(&unhex(&hex.replace(' ', "")), &Bounds::default()).unwrap_err().what;
    assert_eq!(why("a1 6b6261736556657273696f6e 05"), "ops is missing");
    assert_eq!(why("a1 636f7073 80"), "baseVersion is missing");
    assert_eq!(why("a1 636f7073 81 a2 6470617468 6161 626f70 6378787a"), "ops[0]: op is none that is known");
    assert_eq!(why("a1 636f7073 81 a1 626f70 63736574"), "ops[0]: path is missing");
    let deep = DeltaPatch::decode(
        &[b"\xA1\x63ops\x81\xA1\x65value".as_slice(), &b"\x81".repeat(100_000)].concat().into(),
        &Bounds::default(),
    );
    assert_eq!(deep.unwrap_err().what, "ops[0]: nested deeper than 32 levels");
}

#[test]
fn floats_are_written_in_the_shortest_width_that_loses_nothing() {
    for half in 0..=u16::MAX {
        let bytes = Bytes::from([&[0xF9], &half.to_be_bytes()[..]].concat());
        let second = f64::from(minicbor::Decoder::new(&bytes).f16().unwrap());
        let Value::Float(number) = Value::decode(&bytes, &Bounds::default()).unwrap() else { panic!("a float") };
        assert!(number == second || number.is_nan() && second.is_nan(), "{half:x}");
        assert_eq!(float(number), if number.is_nan() { unhex("f97e00") } else { bytes });
    }
    // From RFC 8949, appendix A.
    for (number, hex) in [
        (0.0, "f90000"),
        (-0.0, "f98000"),
        (1.1, "fb3ff199999999999a"),
        (65_504.0, "f97bff"),
        (100_000.0, "fa47c35000"),
        (3.402_823_466_385_288_6e38, "fa7f7fffff"),
        (1.0e300, "fb7e37e43c8800759c"),
        (5.960_464_477_539_063e-8, "f90001"),
        (0.000_061_035_156_25, "f90400"),
        (f64::NEG_INFINITY, "f9fc00"),
    ] {
        assert_eq!(Bytes::from(float(number)), unhex(hex), "{number}");
    }
}

#[test]
fn a_map_of_many_keys_is_read_once_and_keeps_its_order() {
    let mut pairs = vec![0xBF];
    let keys: Vec<_> = (0..50_000_u32).rev().collect();
    for key in keys.iter().chain(&keys) {
        pairs.extend([0x64]);
        pairs.extend(format!("{:04x}", key % 0x10000).bytes());
        pairs.push(0xF5);
    }
    pairs.push(0xFF);
    let Value::Map(map) = Value::decode(&pairs.into(), &Bounds::default()).unwrap() else { panic!("a map") };
    assert_eq!(map.iter().len(), 50_000);
    assert_eq!(map.iter().next().unwrap().0, format!("{:04x}", 49_999));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-(1_i128 << 64)..1 << 64).prop_map(Value::Integer),
        (-300..300_i128).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(|number| Value::Float(number.into())),
        ".{0,8}".prop_map(Value::Text),
        vec(any::<u8>(), 0..8).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let pairs = vec(("[a-d]{1,2}", inner.clone()), 0..5);
        let map = pairs.prop_map(|pairs| {
            pairs.into_iter().fold(Map::default(), |mut map, (key, value)| {
                map.set(&key, value);
                map
            })
        });
        prop_oneof![vec(inner, 0..5).prop_map(Value::Array), map.prop_map(Value::Map)]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_come_through(value in value()) {
        let bytes = Bytes::from(value.encode());
        prop_assert_eq!(Value::decode(&bytes, &Bounds::default()), Ok(value));
        prop_assert_eq!(minicbor::Decoder::new(&bytes).skip().ok(), Some(()), "a second codec reads it");
    }

    #[test]
    fn patches_come_through_and_bear_any_body(
        edits in vec(("[a-d.]{0,4}", 0..6, value()), 0..6), body in value(), base_version in 0..=u64::MAX / 2,
    ) {
        let edit = |(path, kind, value)| (path, match kind {
            0 => Edit::Set(value),
            1 => Edit::Remove,
            2 => Edit::Increment(value),
            3 => Edit::ArrayAppend(value),
            4 => Edit::ArrayRemove(value),
            _ => Edit::Replace(value),
        });
        let patch = DeltaPatch { base_version, edits: edits.into_iter().map(edit).collect() };
        let again = DeltaPatch::decode(&patch.encode().into(), &Bounds::default());
        prop_assert_eq!(again.as_ref(), Ok(&patch));
        if let Ok(body) = patch.apply(&body.encode().into(), &Bounds::default()) {
            prop_assert!(Value::decode(&body.into(), &Bounds::default()).is_ok());
        }
    }
}
