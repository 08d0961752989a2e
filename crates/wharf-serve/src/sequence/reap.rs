//! Ends sequences that nobody asks for.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, sleep_until};

use super::Book;
use super::run::Home;
use crate::manager::Inner;

/// Ends sequences when they have been idle for too long, until the server is gone.
pub(crate) async fn reap(server: Weak<Inner>, book: Weak<Book<Arc<Home>>>) {
    let Some(mut closing) = server.upgrade().map(|server| server.closing.subscribe()) else { return };
    drop(server);
    // The server has another, and this ends with it.
    let Some(book) = book.upgrade() else { return };
    loop {
        book.expire(Instant::now());
        let next = book.next_look();
        let idle = async {
            match next {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = idle => {}
            () = book.changed.notified() => {}
            // An error says that the server is gone.
            _ = closing.wait_for(|is_closing| *is_closing) => return,
        }
    }
}
