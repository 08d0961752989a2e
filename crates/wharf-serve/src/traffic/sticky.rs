//! Requests that always go to the same version: by a header that says whose they are.

use std::sync::Arc;

/// What a request says of whose it is: the hashes of headers that some model's traffic goes by.
#[derive(Clone, Debug, Default)]
pub struct StickyKeys(Option<Arc<[Key]>>);

/// A header, and the hash of its value.
type Key = (Arc<str>, u64);

impl StickyKeys {
    /// From the values of such headers; empty values say nothing.
    pub fn new<'a>(values: impl Iterator<Item = (Arc<str>, &'a [u8])>) -> Self {
        let keys = values.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, hash(value)));
        let keys: Arc<[Key]> = keys.collect();
        Self((!keys.is_empty()).then_some(keys))
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Where on the range of all hashes the value of a header lies.
    pub(super) fn of(&self, header: &str) -> Option<u64> {
        let keys = self.0.as_deref()?;
        keys.iter().find(|(name, _)| **name == *header).map(|(_, hash)| *hash)
    }
}

/// Whether this can be the name of a header, in small letters as HTTP/2 has it.
pub(super) fn is_header_name(name: &str) -> bool {
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(is_token)
}

/// FNV-1a, and a last step that spreads short keys over the whole range. The same in every release and on every
/// machine: servers side by side send a key to the same version.
fn hash(key: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let hash = key.iter().fold(0xCBF2_9CE4_8422_2325, fnv);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_alike_everywhere_and_cover_the_range() {
        for (key, expected) in
            [("", 0xefd0_1f60_ba99_2926), ("a", 0x82a2_a958_a9be_ce5b), ("user-42", 0xa395_32c7_ab05_1e8d)]
        {
            assert_eq!(hash(key.as_bytes()), expected, "{key}");
        }
        let below =
            (0..10_000_u32).filter(|number| hash(number.to_string().as_bytes()) < u64::MAX / 10).count();
        assert!((900..1100).contains(&below), "{below}");
    }

    #[test]
    fn keys_are_those_of_their_header() {
        let (user, tenant): (Arc<str>, Arc<str>) = ("x-user".into(), "x-tenant".into());
        let values = [(Arc::clone(&user), &b"a"[..]), (Arc::clone(&tenant), b"")];
        let keys = StickyKeys::new(values.into_iter());
        assert_eq!((keys.of("x-user"), keys.of("x-tenant"), keys.of("x")), (Some(hash(b"a")), None, None));
        assert!(StickyKeys::new([(tenant, &b""[..])].into_iter()).is_empty());
    }

    #[test]
    fn header_names_are_small_tokens() {
        for (name, is_good) in [
            ("x-user-id", true),
            ("a_b.c", true),
            ("", false),
            ("X-User", false),
            ("x user", false),
            ("x:user", false),
            ("x-\u{e9}", false),
        ] {
            assert_eq!(is_header_name(name), is_good, "{name}");
        }
        assert!(!is_header_name(&"x".repeat(129)));
    }
}
