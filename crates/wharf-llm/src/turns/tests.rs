use std::sync::mpsc;

use super::*;

fn turnstile(keeper: &TurnKeeper) -> Turnstile {
    Turnstile::open(&keeper.files()).unwrap()
}

/// Until somebody waits for the one who computes.
fn until_awaited(keeper: &TurnKeeper) {
    let lanes = Lanes::open(&keeper.files()).unwrap();
    while !lanes.is_awaited() {
        thread::yield_now();
    }
}

#[test]
fn one_has_the_turn_and_gives_it_back() {
    let keeper = TurnKeeper::new().unwrap();
    let (one, other) = (turnstile(&keeper), turnstile(&keeper));
    let lanes = Lanes::open(&keeper.files()).unwrap();
    for turnstile in [&one, &other, &one] {
        let turn = turnstile.take().unwrap();
        assert!(!lanes.try_enter().unwrap(), "somebody has the turn");
        drop(turn);
    }
    assert!(lanes.try_enter().unwrap());
}

#[test]
fn whoever_waits_is_before_one_that_comes_back() {
    let keeper = TurnKeeper::new().unwrap();
    let one = turnstile(&keeper);
    let (told, order) = mpsc::channel();
    thread::scope(|scope| {
        let turn = one.take().unwrap();
        let (keeper, told_other) = (&keeper, told.clone());
        scope.spawn(move || {
            let other = turnstile(keeper);
            let turn = other.take().unwrap();
            told_other.send("other").unwrap();
            drop(turn);
        });
        until_awaited(keeper);
        drop(turn);
        let turn = one.take().unwrap();
        told.send("one").unwrap();
        drop(turn);
    });
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["other", "one"]);
}

#[test]
fn a_turn_ends_with_its_process() {
    let keeper = TurnKeeper::new().unwrap();
    // As if opened by another process: its files are closed by the end of it.
    let gone = Lanes::open(&keeper.files()).unwrap();
    assert!(gone.try_enter().unwrap());
    drop(gone);
    assert!(turnstile(&keeper).take().is_some());
}

#[test]
fn one_that_hangs_with_the_turn_does_not_hold_up_the_others() {
    let keeper = TurnKeeper::new().unwrap();
    let hung = Lanes::open(&keeper.files()).unwrap();
    assert!(hung.try_enter().unwrap());
    let other = Turnstile::with_patience(&keeper.files(), Duration::ZERO).unwrap();
    assert!(other.take().is_none(), "goes ahead");
    until_awaited(&keeper);
    assert!(other.take().is_none(), "does not stand in line twice");
    hung.leave().unwrap();
    // The place in line is given up as soon as it comes.
    while *other.shared.place() != Place::Outside {
        thread::yield_now();
    }
    assert!(other.take().is_some());
}

#[test]
fn files_that_are_gone_are_an_error() {
    let files = TurnFiles { next: "/no/such/file".into(), running: "/no/such/file".into() };
    assert!(Turnstile::open(&files).is_err());
}
