//! Which models an ensemble needs, before any is loaded.

use std::collections::BTreeSet;

use crate::location::{BundlePlace, Found};

/// The models that `name` needs and that were found, those first that others need. Without itself.
pub(crate) fn members(found: &Found, name: &str) -> Vec<String> {
    let (mut order, mut seen) = (Vec::new(), BTreeSet::from([name]));
    collect(found, name, &mut seen, &mut order);
    order
}

/// What is wanted, with what that needs.
pub(crate) fn all_wanted(found: &Found, is_wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let wanted: Vec<&String> = found.keys().filter(|name| is_wanted(name)).collect();
    let needed = wanted.iter().flat_map(|name| members(found, name));
    needed.chain(wanted.iter().map(|name| (*name).clone())).collect()
}

fn collect<'a>(found: &'a Found, name: &str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<String>) {
    let places = found.get(name).into_iter().flat_map(|places| places.values());
    for member in places.flat_map(BundlePlace::members) {
        if let Some((member, _)) = found.get_key_value(member)
            && seen.insert(member)
        {
            collect(found, member, seen, order);
            order.push(member.clone());
        }
    }
}
