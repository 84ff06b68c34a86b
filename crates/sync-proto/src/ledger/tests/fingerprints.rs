use proptest::prelude::*;

use super::super::fingerprint::Fingerprinter;
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.split_whitespace().collect::<String>();
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn fingerprint(body: &[u8]) -> Fingerprint {
    Fingerprinter::default().fingerprint(body)
}

#[test]
fn one_value_has_one_fingerprint_however_it_is_written() {
    for forms in [
        // integers
        &["01", "1801", "190001", "1a00000001", "1b0000000000000001"][..],
        &["20", "3800", "390000", "3a00000000"],
        &["1903e8", "1a000003e8"],
        // floats
        &["f93c00", "fa3f800000", "fb3ff0000000000000"],
        &["f90001", "fa33800000", "fb3e70000000000000"],
        &["f97bff", "fa477fe000"],
        &["fa47800000", "fb40f0000000000000"],
        &["f98000", "fa80000000", "fb8000000000000000"],
        &["f97c00", "fa7f800000", "fb7ff0000000000000"],
        &["f97e00", "f97e01", "faffc00000", "fb7ff8000000000001"],
        &["fb3ff199999999999a"],
        &["fa3dcccccd", "fb3fb99999a0000000"],
        // strings in pieces, bytes and text
        &["426162", "58026162", "5f41614162ff", "5f4041614162ff", "5f5801614162ff"],
        &["626162", "7f61616162ff", "7f626162ff"],
        &["60", "7fff"],
        // arrays and maps
        &["820102", "98020102", "9f0102ff", "9f1801190002ff"],
        &["80", "9fff"],
        &["a0", "bfff", "b800"],
        &["a2616101616202", "a2616202616101", "bf616202616101ff", "b802616218026161190001"],
        &["a20a01 6161 02", "a26161020a01", "a261610218 0a01"],
        // tags stay, in whatever length
        &["c11a514b67b0", "d8011a514b67b0", "c11b00000000514b67b0"],
        // simple values
        &["f4"],
        &["f0"],
        &["f8ff"],
        // one in another
        &[
            "a2 6161 a2 6178 01 6179 82 f5 f6 6162 42 0001",
            "bf 6162 5f 4100 4101 ff 6161 bf 6179 9f f5 f6 ff 6178 1801 ff ff",
        ],
        &["81 a2 81 01 02 81 00 03", "81 a2 81 00 03 9f 1801 ff 02"],
    ] {
        let expected = fingerprint(&hex(forms[0]));
        for form in forms {
            assert_eq!(fingerprint(&hex(form)), expected, "{form} and {}", forms[0]);
        }
    }
}

#[test]
fn different_values_have_different_fingerprints() {
    let values = [
        "01",
        "20",
        "f93c00",
        "f90000",
        "f98000",
        "00",
        "6131",
        "4131",
        "80",
        "a0",
        "f4",
        "f5",
        "f6",
        "f7",
        "f0",
        "f8ff",
        "8101",
        "a10102",
        "a10201",
        "820102",
        "820201",
        "c101",
        "c201",
        "c1c101",
        "f97e00",
        "f97c00",
        "f9fc00",
        "60",
        "40",
        "a2616101616202",
        "a2616102616201",
        "81a0",
        "8180",
        "fb3ff199999999999a",
        "fa3f8ccccd",
        "626162",
        "826161 6162",
        // what is no value counts as its bytes
        "",
        "ff",
        "1801 00",
        "a1616101 00",
        "62 61",
        "9f01",
        "a101",
        "bf01ff",
        "1c",
        "f800",
        "f81f",
        "5f6161ff",
        "5f5f4161ffff",
        "a26161016161 02",
        "a2 01 01 1801 01",
        "820102ff",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "c1",
        "c1ff",
        "9fffff",
        "df01",
    ];
    for (at, a) in values.iter().enumerate() {
        for b in &values[at + 1..] {
            assert_ne!(fingerprint(&hex(a)), fingerprint(&hex(b)), "{a} and {b}");
        }
    }
}

#[test]
fn a_map_that_has_a_key_twice_is_no_value_and_equal_only_to_itself() {
    let twice = hex("a3 6161 01 6162 02 6161 03");
    assert_eq!(fingerprint(&twice), fingerprint(&twice));
    assert_ne!(fingerprint(&twice), fingerprint(&hex("a3 6162 02 6161 01 6161 03")));
    assert_ne!(fingerprint(&twice), fingerprint(&hex("a2 6162 02 6161 03")));
}

#[test]
fn nesting_without_end_costs_no_stack_and_counts_as_bytes() {
    let nested = |depth: usize, begin: u8, end: &[u8]| [vec![begin; depth], end.to_vec()].concat();
    let forms = |depth| (nested(depth, 0x81, &[0x01]), nested(depth, 0x81, &[0x18, 0x01]));
    let (strict, loose) = forms(64);
    assert_eq!(fingerprint(&strict), fingerprint(&loose));
    let (strict, loose) = forms(65);
    assert_ne!(fingerprint(&strict), fingerprint(&loose));
    for begin in [0x81, 0x9f, 0xbf, 0xc1, 0x5f] {
        fingerprint(&nested(4 << 20, begin, &[]));
    }
}

#[test]
fn what_one_body_left_behind_does_not_tell_in_the_next() {
    let mut one = Fingerprinter::default();
    for form in ["a2616202616101", "9f01", "bf61", "a2616101616202", "ff", "a2616202616101"] {
        assert_eq!(one.fingerprint(&hex(form)), fingerprint(&hex(form)), "{form}");
    }
}

/// A value, and how it is written.
#[derive(Clone, Debug)]
enum Value {
    Int(u64),
    Text(String),
    Float(f32),
    List(Vec<Value>),
    Map(Vec<(u8, Value)>),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Value::Int),
        (0u64..30).prop_map(Value::Int),
        "[a-z]{0,30}".prop_map(Value::Text),
        any::<f32>().prop_map(Value::Float),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map(any::<u8>(), inner, 0..6).prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

/// Writes as an encoder does that decides anew each time, by `dice`.
fn write(value: &Value, dice: &mut impl FnMut() -> bool, out: &mut Vec<u8>) {
    let mut head = |major: u8, value: u64, dice: &mut dyn FnMut() -> bool| {
        let width = [24, 0x100, 0x1_0000, 0x1_0000_0000].iter().filter(|&&limit| value >= limit).count();
        let width = if dice() { width } else { width.max(3) + usize::from(width < 4 && dice()) };
        match width {
            0 => out.push(major << 5 | u8::try_from(value).unwrap()),
            width => {
                out.push(major << 5 | (23 + u8::try_from(width).unwrap()));
                out.extend_from_slice(&value.to_be_bytes()[8 - (1 << (width - 1))..]);
            }
        }
    };
    match value {
        Value::Int(int) => head(0, *int, dice),
        Value::Text(text) if dice() => {
            head(3, text.len() as u64, dice);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Text(text) => {
            out.push(0x7f);
            for letter in text.bytes() {
                out.extend_from_slice(&[0x61, letter]);
            }
            out.push(0xff);
        }
        Value::Float(float) if dice() => {
            out.push(0xfa);
            out.extend_from_slice(&float.to_be_bytes());
        }
        Value::Float(float) => {
            out.push(0xfb);
            out.extend_from_slice(&f64::from(*float).to_be_bytes());
        }
        Value::List(items) => {
            let definite = dice();
            if definite {
                head(4, items.len() as u64, dice);
            } else {
                out.push(0x9f);
            }
            items.iter().for_each(|item| write(item, dice, out));
            out.extend((!definite).then_some(0xff));
        }
        Value::Map(entries) => {
            let definite = dice();
            if definite {
                head(5, entries.len() as u64, dice);
            } else {
                out.push(0xbf);
            }
            let mut entries = entries.clone();
            if dice() {
                entries.reverse();
            }
            for (key, value) in &entries {
                write(&Value::Int(u64::from(*key)), dice, out);
                write(value, dice, out);
            }
            out.extend((!definite).then_some(0xff));
        }
    }
}

proptest! {
    #[test]
    fn however_a_value_is_written_its_fingerprint_is_the_same(value in value(), mut seed in any::<u64>()) {
        let mut strict = Vec::new();
        write(&value, &mut || true, &mut strict);
        let mut loose = Vec::new();
        let mut dice = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 63 == 1
        };
        write(&value, &mut dice, &mut loose);
        prop_assert_eq!(fingerprint(&strict), fingerprint(&loose));
    }

    #[test]
    fn any_bytes_have_a_fingerprint(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fingerprint(&bytes);
    }
}
