//! Saves a download to a file, and requests the rest of it if the connection is lost.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::{DownloadRequest, Opening};
use crate::error::{Error, ErrorKind};

/// How often one file is resumed at most. A host that cuts every connection after a few bytes must not keep the client busy
/// for ever; a recording of an hour over a bad line needs a handful.
const MAX_RESUMPTIONS: u32 = 20;

/// The reason why a download could not be saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The download failed.
    #[error(transparent)]
    Download(#[from] Error),
    /// The file could not be written.
    #[error("the file cannot be written")]
    File(#[from] io::Error),
}

impl DownloadRequest {
    /// Downloads into a file and returns its size in bytes. An existing file is replaced once the download is complete.
    ///
    /// Until then the data is in a file of the same name with `.part` appended, which is removed if the download fails. If the
    /// connection is lost, the rest is requested, provided that the host identifies the content of the file and the [retry
    /// policy](Self::retry) allows another attempt. Dropping the future leaves the `.part` file behind.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client, session: bandyer_client::SessionId) -> Result<(), Box<dyn std::error::Error>> {
    /// let bytes = client.recordings().download(&session).save("visit-4711.mp4").await?;
    /// println!("saved {bytes} bytes");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SaveError`].
    pub async fn save(self, path: impl AsRef<Path>) -> Result<u64, SaveError> {
        let path = path.as_ref();
        let part = part_of(path);
        let saved = self.write_to(&part).await;
        match saved {
            Ok(bytes) => {
                fs::rename(&part, path).await?;
                Ok(bytes)
            }
            Err(error) => {
                // The reason of the failure is more useful than that of a file which cannot be removed either.
                let _ = fs::remove_file(&part).await;
                Err(error)
            }
        }
    }

    async fn write_to(self, part: &Path) -> Result<u64, SaveError> {
        let Self { connection, operation, source, limits, max_bytes, idle_timeout, .. } = self;
        let opening = Opening { connection: &connection, operation, source: &source?, limits, max_bytes, idle_timeout };
        let mut file = File::create(part).await?;
        let (mut resumption, mut failures, mut resumptions) = (None, 0, 0);
        loop {
            let mut download = opening.open(resumption.as_ref()).await?;
            if download.offset() == 0 {
                // The response is the whole file, although a part of it may be here already.
                file = File::create(part).await?;
            }
            let error = loop {
                match download.next().await {
                    Ok(Some(chunk)) => file.write_all(&chunk).await?,
                    Ok(None) => {
                        file.sync_all().await?;
                        return Ok(download.position());
                    }
                    Err(error) => break error,
                }
            };
            file.flush().await?;
            failures = if download.received > 0 { 1 } else { failures + 1 };
            resumptions += 1;
            resumption = download.resumption();
            let is_lost = matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Timeout);
            let may_resume = limits.retry.allows_another_after(failures) && resumptions <= MAX_RESUMPTIONS;
            if !is_lost || !may_resume || resumption.is_none() {
                return Err(error.into());
            }
            tokio::time::sleep(limits.retry.wait_after(failures, fastrand::f64())).await;
        }
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
