use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use hashbrown::HashMap;
use tokio::sync::Semaphore;

use crate::encoding::Coding;

/// Packs and unpacks large bodies beside the threads that serve requests, no more at once than there are processors: each takes a
/// processor, and memory of its own. Keeps packed pages that others will ask for.
#[derive(Debug)]
pub(crate) struct Packers {
    places: Semaphore,
    pages: Mutex<PackedPages>,
}

impl Packers {
    /// Keeps packed pages of about `page_bytes`, what they were packed from included.
    pub(crate) fn new(page_bytes: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let pages = PackedPages { bytes_max: page_bytes, ..PackedPages::default() };
        Self { places: Semaphore::new(processors), pages: Mutex::new(pages) }
    }

    /// Does a job when there is a place; `None`: it panicked, or the runtime ends.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.places.acquire().await.ok()?;
        tokio::task::spawn_blocking(job).await.ok()
    }

    /// A page that was packed before.
    pub(crate) fn page(&self, plain: &Bytes, coding: Coding) -> Option<Bytes> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(plain, coding)
    }

    pub(crate) fn keep(&self, plain: Bytes, coding: Coding, packed: Bytes) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(plain, coding, packed);
    }
}

/// Pages by where their bytes lie: as each is kept with what it was packed from, no other page can lie there.
#[derive(Debug, Default)]
struct PackedPages {
    pages: HashMap<(usize, usize, Coding), PackedPage>,
    bytes: usize,
    bytes_max: usize,
    /// Counts uses: the page with the lowest number is dropped first.
    uses: u64,
}

#[derive(Debug)]
struct PackedPage {
    plain: Bytes,
    packed: Bytes,
    used: u64,
}

impl PackedPages {
    fn key(plain: &Bytes, coding: Coding) -> (usize, usize, Coding) {
        (plain.as_ptr().addr(), plain.len(), coding)
    }

    fn get(&mut self, plain: &Bytes, coding: Coding) -> Option<Bytes> {
        let page = self.pages.get_mut(&Self::key(plain, coding))?;
        self.uses += 1;
        page.used = self.uses;
        Some(page.packed.clone())
    }

    fn insert(&mut self, plain: Bytes, coding: Coding, packed: Bytes) {
        let len = plain.len() + packed.len();
        if len > self.bytes_max {
            return;
        }
        while self.bytes + len > self.bytes_max && self.drop_oldest() {}
        self.uses += 1;
        let key = Self::key(&plain, coding);
        let before = self.pages.insert(key, PackedPage { plain, packed, used: self.uses });
        self.bytes += len;
        self.bytes -= before.map_or(0, |page| page.plain.len() + page.packed.len());
    }

    /// Looks at all: there are as many as fit, each of some hundred kilobytes.
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.pages.iter().min_by_key(|(_, page)| page.used).map(|(key, _)| *key) else {
            return false;
        };
        if let Some(page) = self.pages.remove(&oldest) {
            self.bytes -= page.plain.len() + page.packed.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 100])
    }

    #[test]
    fn a_page_is_known_by_its_own_bytes_and_its_coding_alone() {
        let packers = Packers::new(1_000);
        let (one, same_words) = (page(1), page(1));
        packers.keep(one.clone(), Coding::Gzip, Bytes::from_static(b"packed"));
        assert_eq!(packers.page(&one.clone(), Coding::Gzip).as_deref(), Some(&b"packed"[..]));
        assert_eq!(packers.page(&one, Coding::Zstd), None);
        assert_eq!(packers.page(&one.slice(..50), Coding::Gzip), None);
        assert_eq!(packers.page(&same_words, Coding::Gzip), None);
    }

    #[test]
    fn pages_that_nobody_asks_for_make_room() {
        let packers = Packers::new(330);
        let pages = [page(1), page(2), page(3), page(4)];
        for kept in &pages[..3] {
            packers.keep(kept.clone(), Coding::Gzip, Bytes::from_static(b"0123456789"));
        }
        packers.page(&pages[0], Coding::Gzip).unwrap();
        packers.keep(pages[3].clone(), Coding::Gzip, Bytes::from_static(b"0123456789"));
        let known: Vec<_> = pages.iter().map(|page| packers.page(page, Coding::Gzip).is_some()).collect();
        assert_eq!(known, [true, false, true, true]);
        packers.keep(Bytes::from(vec![0; 1_000]), Coding::Gzip, Bytes::new());
        assert!(packers.page(&pages[0], Coding::Gzip).is_some(), "one that never fits drops nothing");
        let bytes = packers.pages.lock().unwrap().bytes;
        assert_eq!(bytes, 330);
    }

    #[tokio::test]
    async fn a_job_that_panics_gives_back_its_place() {
        let packers = Packers::new(0);
        for _ in 0..100 {
            assert_eq!(packers.run(|| -> u8 { panic!("on purpose") }).await, None);
        }
        assert_eq!(packers.run(|| 7).await, Some(7));
    }
}
