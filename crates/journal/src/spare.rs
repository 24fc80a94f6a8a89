//! The spare: the next segment's file, made before it is needed, so that space is taken before records are at stake.
//!
//! It must never know what a segment holds.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile};
use crate::segment::SPARE_NAME;

/// A handle with which any thread can make the next segment's file ahead of time.
#[derive(Clone)]
pub struct Spare {
    shelf: Arc<SpareShelf>,
}

impl Spare {
    pub(crate) fn new(shelf: Arc<SpareShelf>) -> Spare {
        Spare { shelf }
    }

    /// Makes the spare unless there is one. Blocks while zeros are written and synced.
    pub fn prepare(&self) -> io::Result<()> {
        self.shelf.prepare()
    }

    /// Makes a spare each time the journal wishes for one, until [`Spare::close`]. For a thread of its own.
    pub fn serve(&self) {
        // A failure is left to the append that needs the segment: it tries again and tells its caller.
        while self.shelf.wait_for_wish() {
            let _ = self.shelf.prepare();
        }
    }

    /// Ends [`Spare::serve`].
    pub fn close(&self) {
        self.shelf.lock().closed = true;
        self.shelf.changed.notify_all();
    }
}

enum Content {
    Empty,
    /// The current segment is filling: the next will be needed.
    Wished,
    /// Some thread is at it.
    Making,
    Ready(Box<dyn DiskFile>),
}

struct Shelf {
    content: Content,
    closed: bool,
}

pub(crate) struct SpareShelf {
    disk: Arc<dyn Disk>,
    bytes: u64,
    shelf: Mutex<Shelf>,
    changed: Condvar,
}

impl SpareShelf {
    pub(crate) fn new(disk: Arc<dyn Disk>, bytes: u64) -> SpareShelf {
        let shelf = Mutex::new(Shelf { content: Content::Empty, closed: false });
        SpareShelf { disk, bytes, shelf, changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whoever serves to make a spare.
    pub(crate) fn wish(&self) {
        let mut shelf = self.lock();
        if matches!(shelf.content, Content::Empty) {
            shelf.content = Content::Wished;
            self.changed.notify_all();
        }
    }

    /// Waits for a wish; `false` when closed.
    fn wait_for_wish(&self) -> bool {
        let mut shelf = self.lock();
        loop {
            if shelf.closed {
                return false;
            }
            if matches!(shelf.content, Content::Wished) {
                return true;
            }
            shelf = self.changed.wait(shelf).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn prepare(&self) -> io::Result<()> {
        let mut shelf = self.lock();
        if matches!(shelf.content, Content::Making | Content::Ready(_)) {
            return Ok(());
        }
        shelf.content = Content::Making;
        drop(shelf);
        let made = self.make();
        let (content, outcome) = match made {
            Ok(file) => (Content::Ready(file), Ok(())),
            Err(error) => (Content::Empty, Err(error)),
        };
        self.lock().content = content;
        self.changed.notify_all();
        outcome
    }

    /// Takes the spare. One that is being made is waited for; else it is made here and now.
    pub(crate) fn take(&self) -> io::Result<Box<dyn DiskFile>> {
        let mut shelf = self.lock();
        loop {
            match std::mem::replace(&mut shelf.content, Content::Making) {
                Content::Ready(file) => {
                    shelf.content = Content::Empty;
                    return Ok(file);
                }
                Content::Making => {
                    shelf = self.changed.wait(shelf).unwrap_or_else(PoisonError::into_inner);
                }
                Content::Empty | Content::Wished => break,
            }
        }
        drop(shelf);
        let made = self.make();
        self.lock().content = Content::Empty;
        self.changed.notify_all();
        made
    }

    fn make(&self) -> io::Result<Box<dyn DiskFile>> {
        // An earlier spare that could not be finished or used may still have the name.
        match self.disk.remove(SPARE_NAME) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.disk.create(SPARE_NAME, self.bytes),
        }
    }
}
