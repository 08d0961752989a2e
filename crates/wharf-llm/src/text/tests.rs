use proptest::prelude::*;

use super::AnswerText;

/// What comes out piece by piece, and the stop string that ended it.
fn run(pieces: &[&[u8]], stop: &[String]) -> (Vec<String>, Option<String>) {
    let mut text = AnswerText::new(stop);
    let mut outs = Vec::new();
    for piece in pieces {
        let mut out = String::new();
        let stopped = text.push(piece, true, &mut out);
        outs.push(out);
        if stopped.is_some() {
            return (outs, stopped);
        }
    }
    let mut out = String::new();
    text.finish(&mut out);
    outs.push(out);
    (outs, None)
}

/// The same by definition: the earliest end, of those the longest string.
fn expected(text: &str, stop: &[String]) -> (String, Option<String>) {
    for end in 1..=text.len() {
        let head = &text.as_bytes()[..end];
        let longest = stop.iter().filter(|s| head.ends_with(s.as_bytes())).max_by_key(|s| s.len());
        if let Some(found) = longest {
            return (text[..end - found.len()].to_owned(), Some(found.clone()));
        }
    }
    (text.to_owned(), None)
}

/// Cuts bytes into pieces at these places.
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[test]
fn holds_back_what_may_become_a_stop_string() {
    let stop = ["END".to_owned()];
    let (outs, stopped) = run(&[b"one E", b"N", b"x E", b"ND two"], &stop);
    assert_eq!(outs, ["one ", "", "ENx ", ""]);
    assert_eq!(stopped.as_deref(), Some("END"));
}

#[test]
fn frees_held_back_text_at_the_end() {
    let (outs, stopped) = run(&[b"a\nUs"], &["\nUser:".to_owned()]);
    assert_eq!(outs, ["a", "\nUs"]);
    assert_eq!(stopped, None);
}

#[test]
fn never_splits_a_character() {
    let grin = "😀".as_bytes();
    let (outs, _) = run(&[&grin[..1], &grin[1..3], &grin[3..]], &[]);
    assert_eq!(outs, ["", "", "😀", ""]);
}

#[test]
fn drops_the_beginning_of_a_character_at_the_end() {
    let (outs, _) = run(&[b"a\xF0\x9F"], &[]);
    assert_eq!(outs.concat(), "a");
}

proptest! {
    #[test]
    fn the_cut_into_tokens_changes_nothing(
        text in "[ab😀é]{0,40}",
        stop in prop::collection::vec("[ab😀é]{1,4}", 0..4),
        cuts in prop::collection::vec(0usize..200, 0..20),
    ) {
        let (outs, stopped) = run(&cut(text.as_bytes(), &cuts), &stop);
        let (text, stop_expected) = expected(&text, &stop);
        prop_assert_eq!(outs.concat(), text);
        prop_assert_eq!(stopped, stop_expected);
    }

    #[test]
    fn broken_bytes_are_replaced_as_the_standard_library_does(
        bytes in prop::collection::vec(prop::sample::select(vec![0x41u8, 0xF0, 0x9F, 0x98, 0x80, 0xC3, 0xFF, 0xE2]), 0..30),
        cuts in prop::collection::vec(0usize..200, 0..20),
    ) {
        // The letter at the end completes whatever stands open.
        let mut bytes = bytes;
        bytes.push(b'z');
        let (outs, _) = run(&cut(&bytes, &cuts), &[]);
        prop_assert_eq!(outs.concat(), String::from_utf8_lossy(&bytes));
    }
}
