use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};

use super::*;

fn floats(name: &str, dims: &[usize], values: &[f32]) -> NamedTensor {
    NamedTensor::new(name, Tensor::from_vec(Shape::new(dims).unwrap(), values.to_vec()).unwrap())
}

fn strings(name: &str, values: &[&str]) -> NamedTensor {
    let values: Vec<Bytes> = values.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
    NamedTensor::new(name, Tensor::from_strings(Shape::new(&[values.len()]).unwrap(), values).unwrap())
}

fn key(inputs: &[NamedTensor]) -> CacheKey {
    CacheKey::new(0, "s", inputs, &[])
}

#[test]
fn anything_that_an_answer_may_depend_on_makes_another_key() {
    let x = || floats("x", &[4], &[1.0, 2.0, 3.0, 4.0]);
    let bits = Tensor::from_bytes(DType::I32, Shape::new(&[4]).unwrap(), x().tensor.bytes().unwrap().clone());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let keys = [
        key(&[x()]),
        CacheKey::new(1, "s", &[x()], &[]),
        CacheKey::new(0, "t", &[x()], &[]),
        CacheKey::new(0, "s", &[x()], &names(&["y"])),
        CacheKey::new(0, "s", &[x()], &names(&["y", "z"])),
        CacheKey::new(0, "s", &[x()], &names(&["z", "y"])),
        CacheKey::new(0, "s", &[x()], &names(&["yz"])),
        key(&[floats("y", &[4], &[1.0, 2.0, 3.0, 4.0])]),
        key(&[floats("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]),
        key(&[floats("x", &[4, 1], &[1.0, 2.0, 3.0, 4.0])]),
        key(&[floats("x", &[4], &[1.0, 2.0, 3.0, 5.0])]),
        key(&[NamedTensor::new("x", bits.unwrap())]),
        key(&[x(), floats("y", &[0], &[])]),
        // Where each string ends, each tensor, and each name.
        key(&[strings("x", &["ab", "c"])]),
        key(&[strings("x", &["a", "bc"])]),
        key(&[strings("x", &["abc", ""])]),
        key(&[strings("a", &["x"]), strings("b", &["y"])]),
        key(&[strings("a", &["y"]), strings("b", &["x"])]),
    ];
    for (index, one) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(one), "key {index}");
    }
    let (a, b) = (strings("a", &["x"]), strings("b", &["y"]));
    assert_eq!(key(&[a.clone(), b.clone()]), key(&[b, a]), "the order of inputs says nothing");
}

#[test]
fn the_answers_used_longest_ago_go_first_and_the_bound_holds() {
    let one = answer::size_bytes(&[floats("y", &[1], &[0.0])]);
    let cache = ResponseCache::new(one * 3);
    let part = cache.part();
    let key_of = |number: u8| part.key("s", &[floats("x", &[1], &[f32::from(number)])], &[]);
    for number in 0..3 {
        part.keep(key_of(number), &[floats("y", &[1], &[f32::from(number)])]);
    }
    assert!(part.find(&key_of(0)).is_some());
    part.keep(key_of(3), &[floats("y", &[1], &[3.0])]);
    let found = |number| part.find(&key_of(number)).map(|outputs| outputs[0].tensor.to_vec::<f32>().unwrap());
    assert_eq!([0, 1, 2, 3].map(found), [Some(vec![0.0]), None, Some(vec![2.0]), Some(vec![3.0])]);
    assert_eq!(cache.fill(), CacheFill { entries: 3, bytes: one * 3, evictions: 1 });
    // The same once more takes no more place; one that is larger than everything takes none.
    part.keep(key_of(3), &[floats("y", &[1], &[3.0])]);
    part.keep(key_of(4), &[floats("y", &[1000], &[0.0; 1000])]);
    assert_eq!(cache.fill(), CacheFill { entries: 3, bytes: one * 3, evictions: 1 });
}

#[test]
fn answers_go_with_their_version_and_no_other() {
    let cache = ResponseCache::new(1 << 20);
    let (first, second) = (cache.part(), cache.part());
    let (x, y) = ([floats("x", &[1], &[1.0])], [floats("y", &[1], &[2.0])]);
    first.keep(first.key("s", &x, &[]), &y);
    second.keep(second.key("s", &x, &[]), &y);
    let kept = second.key("s", &x, &[]);
    drop(first);
    assert_eq!((cache.fill().entries, second.find(&kept)), (1, Some(y.to_vec())));
    drop(second);
    assert_eq!((cache.fill().entries, cache.fill().bytes), (0, 0));
}

#[test]
fn what_is_kept_shares_no_memory_with_a_batch_or_a_body() {
    let body = floats("y", &[8], &[1.0; 8]);
    let slice = NamedTensor::new("y", body.tensor.slice_rows(2..3).unwrap());
    let texts = strings("t", &["a", "", "bcd"]);
    let kept = answer::copied(&[slice.clone(), texts.clone()]);
    assert_eq!(kept[..], [slice, texts.clone()]);
    let range = body.tensor.bytes().unwrap().as_ptr_range();
    assert!(!range.contains(&kept[0].tensor.bytes().unwrap().as_ptr()));
    assert_ne!(kept[1].tensor.strings().unwrap()[2].as_ptr(), texts.tensor.strings().unwrap()[2].as_ptr());
}

#[test]
fn large_caches_are_spread_over_locks() {
    for (bytes, shards) in [(1, 1), (SHARD_BYTES * 2, 2), (usize::MAX, MAX_SHARDS)] {
        assert_eq!(ResponseCache::new(bytes).shards.len(), shards);
    }
}
