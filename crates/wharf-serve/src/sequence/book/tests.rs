use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot::error::TryRecvError;
use wharf_infer::{ErrorCode, NamedTensor};
use wharf_tensor::{Shape, Tensor};

use super::*;
use crate::sequence::turn::States;

/// Counts the sequences that ended by themselves.
type Counted = Arc<AtomicUsize>;

impl Keeper for Counted {
    fn expired(&self) {
        self.fetch_add(1, Ordering::Relaxed);
    }
}

const IDLE: Duration = Duration::from_secs(1);

fn bounds() -> Bounds {
    Bounds { open: 4, open_of_caller: 3, bytes: 64, waiting: 2, idle: IDLE, bytes_at_start: 4 }
}

struct Desk {
    book: Arc<Book<Counted>>,
    counted: Counted,
    bounds: Bounds,
    now: Instant,
}

impl Desk {
    fn new(bounds: Bounds) -> Self {
        Self { book: Arc::default(), counted: Arc::default(), bounds, now: Instant::now() }
    }

    fn arrive(&self, place: &Place, starts: bool) -> Result<Arrival<Counted>, ServiceError> {
        let counted = Arc::clone(&self.counted);
        self.book.arrive(place.clone(), starts, (self.bounds, 1), || counted, self.now)
    }

    /// One whose turn is at once.
    fn turn(&self, place: &Place, starts: bool) -> Turn<Counted> {
        match self.arrive(place, starts) {
            Ok(Arrival::Now(turn)) => turn,
            Ok(Arrival::Later(_)) => panic!("has to wait"),
            Err(error) => panic!("{error}"),
        }
    }

    fn line(&self, place: &Place, starts: bool) -> oneshot::Receiver<Turn<Counted>> {
        match self.arrive(place, starts) {
            Ok(Arrival::Later(turn)) => turn,
            _ => panic!("does not have to wait"),
        }
    }

    fn error(&self, place: &Place, starts: bool) -> ErrorCode {
        self.arrive(place, starts).err().map(|error| error.code()).unwrap()
    }

    fn open(&self) -> (usize, usize) {
        self.book.open("m", 1)
    }

    fn begin(&self, number: u64) {
        self.turn(&place(number), true).keep(floats(&[number as f32])).unwrap();
    }
}

fn place(number: u64) -> Place {
    place_of(Caller::Anonymous, number)
}

fn place_of(caller: Caller, number: u64) -> Place {
    Place { model: "m".into(), version: 1, caller, id: SequenceId::Number(number) }
}

fn floats(values: &[f32]) -> States {
    let tensor = Tensor::from_vec(Shape::new(&[values.len()]).unwrap(), values.to_vec()).unwrap();
    [NamedTensor::new("state", tensor)].into()
}

#[test]
fn a_sequence_goes_on_with_what_was_kept_until_it_ends() {
    let desk = Desk::new(bounds());
    assert_eq!(desk.error(&place(1), false), ErrorCode::InvalidArgument);
    desk.begin(1);
    assert_eq!((desk.turn(&place(1), false).states(), desk.open()), (Some(floats(&[1.0])), (1, 4)));
    // A turn that was told nothing leaves the state as it was.
    assert_eq!(desk.turn(&place(1), true).states(), Some(floats(&[1.0])));
    let mut last = desk.turn(&place(1), false);
    last.keep(floats(&[2.0, 3.0])).unwrap();
    assert_eq!(desk.open(), (1, 8));
    last.end();
    drop(last);
    assert_eq!(desk.open(), (0, 0));
    let message = desk.arrive(&place(1), false).err().unwrap().message().to_owned();
    assert_eq!(
        message,
        "inference request for sequence 1 to model 'm' must specify the START flag on the first request of the sequence"
    );
}

#[test]
fn a_first_request_that_fails_opens_nothing() {
    let desk = Desk::new(bounds());
    let first = desk.turn(&place(1), true);
    let mut second = desk.line(&place(1), false);
    drop(first);
    // The one behind it has its turn, and finds that the sequence has not begun.
    let turn = second.try_recv().unwrap();
    assert_eq!(turn.states(), None);
    drop(turn);
    assert_eq!(desk.open(), (0, 0));
}

#[test]
fn turns_go_in_the_order_of_arrival_past_those_who_left() {
    let desk = Desk::new(bounds());
    let mut first = desk.turn(&place(1), true);
    let (mut second, mut third) = (desk.line(&place(1), false), desk.line(&place(1), false));
    assert_eq!(desk.error(&place(1), false), ErrorCode::Overloaded);
    first.keep(floats(&[1.0])).unwrap();
    assert!(matches!(second.try_recv(), Err(TryRecvError::Empty)));
    drop(first);
    let turn = second.try_recv().unwrap();
    assert!(matches!(third.try_recv(), Err(TryRecvError::Empty)));
    drop(third);
    // Who has left makes room in the line, and is passed over.
    let (left, mut last) = (desk.line(&place(1), false), desk.line(&place(1), false));
    drop(left);
    drop(turn);
    assert_eq!(last.try_recv().unwrap().states(), Some(floats(&[1.0])));
}

#[test]
fn a_turn_that_nobody_took_goes_on() {
    let desk = Desk::new(bounds());
    let mut first = desk.turn(&place(1), true);
    let (second, mut third) = (desk.line(&place(1), false), desk.line(&place(1), false));
    first.keep(floats(&[1.0])).unwrap();
    drop(first);
    // It was given, and its owner left before taking it.
    drop(second);
    assert_eq!(third.try_recv().unwrap().states(), Some(floats(&[1.0])));
}

#[test]
fn those_that_nobody_asks_for_end_by_the_clock() {
    let mut desk = Desk::new(bounds());
    let start = Instant::now();
    desk.begin(1);
    desk.begin(2);
    let end = desk.book.next_look().unwrap();
    assert!(end >= start + IDLE);
    let busy = desk.turn(&place(2), false);
    desk.book.expire(end + IDLE);
    assert_eq!((desk.open().0, desk.counted.load(Ordering::Relaxed)), (1, 1));
    // One that somebody asks for does not end, however long it takes.
    drop(busy);
    assert_eq!(desk.open().0, 1);
    // Whoever comes too late is told so, also where nobody looked meanwhile.
    desk.now = Instant::now() + IDLE;
    assert_eq!(desk.error(&place(2), false), ErrorCode::InvalidArgument);
    assert_eq!((desk.open(), desk.counted.load(Ordering::Relaxed)), ((0, 0), 2));
}

#[test]
fn there_is_a_bound_for_all_and_one_for_each_caller_and_idle_ones_make_room() {
    let mut desk = Desk::new(bounds());
    let named = |number| place_of(Caller::Named("a".into()), number);
    (1..=3).for_each(|number| desk.begin(number));
    assert_eq!(desk.error(&place(4), true), ErrorCode::QuotaExceeded);
    desk.turn(&named(1), true).keep(floats(&[9.0])).unwrap();
    let refusal = desk.arrive(&named(2), true).err().unwrap();
    assert_eq!(refusal.code(), ErrorCode::Overloaded);
    assert!(refusal.retry_after().is_some_and(|wait| wait <= IDLE * 2), "{:?}", refusal.retry_after());
    // The same number of another caller is another sequence.
    assert_eq!(desk.turn(&named(1), false).states(), Some(floats(&[9.0])));
    assert_eq!(desk.turn(&place(1), false).states(), Some(floats(&[1.0])));
    desk.now = Instant::now() + IDLE;
    drop(desk.turn(&place(4), true));
    assert_eq!((desk.open().0, desk.counted.load(Ordering::Relaxed)), (0, 4));
}

#[test]
fn states_take_no_more_memory_than_they_may() {
    let desk = Desk::new(Bounds { bytes: 20, ..bounds() });
    desk.begin(1);
    desk.begin(2);
    let mut turn = desk.turn(&place(1), false);
    assert_eq!(turn.keep(floats(&[0.0; 5])).unwrap_err().code(), ErrorCode::Overloaded);
    assert_eq!((turn.states(), desk.open()), (Some(floats(&[1.0])), (2, 8)));
    turn.keep(floats(&[0.0; 4])).unwrap();
    drop(turn);
    assert_eq!((desk.open(), desk.error(&place(3), true)), ((2, 20), ErrorCode::Overloaded));
    // One that shrinks may always.
    desk.turn(&place(1), false).keep(floats(&[0.0; 3])).unwrap();
    assert_eq!(desk.open(), (2, 16));
}

#[test]
fn a_version_made_anew_and_a_model_that_is_gone_end_their_sequences() {
    let desk = Desk::new(bounds());
    desk.begin(1);
    let other = desk.book.arrive(place(1), false, (bounds(), 2), Arc::default, desk.now);
    assert_eq!(other.err().unwrap().code(), ErrorCode::InvalidArgument);
    desk.begin(1);
    let mut busy = desk.turn(&place(1), false);
    let mut waiting = desk.line(&place(1), false);
    desk.book.end("m");
    assert!(matches!(waiting.try_recv(), Err(TryRecvError::Closed)));
    busy.keep(floats(&[1.0])).unwrap();
    drop(busy);
    assert_eq!((desk.open(), Arc::strong_count(&desk.counted)), ((0, 0), 1));
}

#[test]
fn a_sequence_is_at_home_where_it_began() {
    let desk = Desk::new(bounds());
    desk.begin(1);
    let newer = Place { version: 2, ..place(1) };
    assert!(desk.book.home(&newer).is_some_and(|home| Arc::ptr_eq(&home, &desk.counted)));
    assert!(desk.book.home(&Place { version: 2, ..place(2) }).is_none());
    assert!(desk.book.home(&place(1)).is_none(), "that version is asked anyway");
}

#[test]
fn a_flood_of_openings_takes_no_more_than_the_bound() {
    let bounds = Bounds { open: 1000, open_of_caller: 900, bytes: 1 << 20, ..bounds() };
    let desk = Desk::new(bounds);
    let mut refused = 0;
    for number in 1..=1_000_000 {
        match desk.arrive(&place(number), true) {
            Ok(Arrival::Now(mut turn)) => turn.keep(floats(&[0.0])).unwrap(),
            Ok(Arrival::Later(_)) => panic!("{number} has to wait"),
            Err(error) => refused += usize::from(error.code() == ErrorCode::QuotaExceeded),
        }
    }
    assert_eq!((refused, desk.open()), (999_100, (900, 3600)));
    // Somebody else is not held up.
    let mut turn = desk.turn(&place_of(Caller::Named("b".into()), 1), true);
    turn.keep(floats(&[7.0])).unwrap();
}
