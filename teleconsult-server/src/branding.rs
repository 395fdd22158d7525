//! Colours and logo of the company, sent to the vendor once after the start.
//!
//! They belong to the company and not to a room, so nothing waits for them: a failure is retried later and never prevents
//! the start.

use std::time::Duration;

use bandyer_client::File;
use bandyer_client::company::Palette;
use bytes::BytesMut;
use url::Url;

use crate::base::backoff::Backoff;
use crate::base::error_chain::chain;
use crate::vendor::{VendorClient, VendorError};

pub mod settings;

/// Wait between two attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3600));
/// Largest logo that is read, in bytes: 500 KB, which is what the vendor takes.
const MAX_LOGO_BYTES: usize = 500 * 1024;
/// Time for reading the logo.
const LOGO_TIMEOUT: Duration = Duration::from_secs(15);

/// The branding of the configuration file.
#[derive(Debug, Clone, Default)]
pub struct Branding {
    /// Colours of the light mode.
    pub light: Option<Palette>,
    /// Colours of the dark mode.
    pub dark: Option<Palette>,
    /// Where the logo is. The operator names the address, and no other one is read.
    pub logo: Option<Url>,
}

/// Why the logo could not be sent.
#[derive(Debug, thiserror::Error)]
enum LogoError {
    #[error("it cannot be read")]
    Unreadable(#[source] reqwest::Error),
    #[error("its address responds with {0}")]
    Refused(reqwest::StatusCode),
    #[error("it is larger than 500 KB")]
    TooLarge,
    #[error("it is neither PNG nor JPEG")]
    UnknownFormat,
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

impl Branding {
    /// Sends what is set, and retries until it is done.
    pub async fn push(self, calls: VendorClient) {
        let mut colours = self.light.is_some() || self.dark.is_some();
        let mut logo = self.logo.as_ref();
        let mut failures = 0;
        loop {
            if colours {
                match calls.set_theme(self.light.clone(), self.dark.clone()).await {
                    Ok(()) => colours = false,
                    Err(error) => {
                        tracing::warn!(error = %chain(&error), "setting the company's colours failed, will retry");
                    }
                }
            }
            if let Some(url) = logo {
                match send_logo(url, &calls).await {
                    Ok(()) => logo = None,
                    Err(error) => {
                        tracing::warn!(error = %chain(&error), "setting the company's logo failed, will retry");
                    }
                }
            }
            if !colours && logo.is_none() {
                return;
            }
            tokio::time::sleep(BACKOFF.after(failures)).await;
            failures += 1;
        }
    }
}

async fn send_logo(url: &Url, calls: &VendorClient) -> Result<(), LogoError> {
    Ok(calls.set_logo(&read_logo(url).await?).await?)
}

async fn read_logo(url: &Url) -> Result<File, LogoError> {
    // A redirect would lead to an address that the operator did not name.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(LOGO_TIMEOUT).build();
    let unreadable = |error: reqwest::Error| LogoError::Unreadable(error.without_url());
    let mut response = http.map_err(unreadable)?.get(url.clone()).send().await.map_err(unreadable)?;
    if !response.status().is_success() {
        return Err(LogoError::Refused(response.status()));
    }
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unreadable)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_LOGO_BYTES {
            return Err(LogoError::TooLarge);
        }
    }
    let bytes = bytes.freeze();
    File::png(bytes.clone()).or_else(|_| File::jpeg(bytes)).map_err(|_| LogoError::UnknownFormat)
}
