//! The bare client: the same requests in the same order and the same number of syncs, and nothing else.

use reqwest::{Client, redirect::Policy, retry};
use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

#[derive(Clone)]
pub struct Bare {
    client: Client,
}

impl Bare {
    pub fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).retry(retry::never());
        Self { client: client.build().unwrap() }
    }

    /// One thing after the other: read, write a record and sync it, change, read again. One more sync at each end, as
    /// for the first and the last fact of a run.
    pub async fn in_order(&self, urls: &[String], log: &Log) -> Duration {
        let began = Instant::now();
        log.write().await;
        for url in urls {
            assert_eq!(self.get(url).await, "off");
            log.write().await;
            self.put(url).await;
            assert_eq!(self.get(url).await, "on");
        }
        log.write().await;
        began.elapsed()
    }

    /// All things at once, with one sync at each end and one between.
    pub async fn at_once(&self, urls: &[String], log: &Log) -> Duration {
        let began = Instant::now();
        log.write().await;
        log.write().await;
        let mut tasks = JoinSet::new();
        for url in urls {
            let (bare, url) = (self.clone(), url.clone());
            tasks.spawn(async move {
                assert_eq!(bare.get(&url).await, "off");
                bare.put(&url).await;
                assert_eq!(bare.get(&url).await, "on");
            });
        }
        tasks.join_all().await;
        log.write().await;
        began.elapsed()
    }

    async fn get(&self, url: &str) -> String {
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn put(&self, url: &str) {
        self.client.put(url).body("on").send().await.unwrap().bytes().await.unwrap();
    }
}

/// A file to which one record is added again and again.
pub struct Log {
    file: Arc<File>,
    record: Arc<[u8]>,
    by: By,
}

/// Who waits for the disk. Which of them is faster depends on what else the machine does.
#[derive(Clone, Copy)]
pub enum By {
    TheLoop,
    AThread,
}

impl Log {
    pub fn create(path: &Path, bytes: usize, by: By) -> Self {
        let file = Arc::new(File::create(path).unwrap());
        Self { file, record: vec![b'.'; bytes].into(), by }
    }

    async fn write(&self) {
        let (file, record) = (Arc::clone(&self.file), Arc::clone(&self.record));
        let write = move || (&*file).write_all(&record).and_then(|()| file.sync_data()).unwrap();
        match self.by {
            By::TheLoop => write(),
            By::AThread => tokio::task::spawn_blocking(write).await.unwrap(),
        }
    }
}
