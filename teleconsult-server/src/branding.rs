//! How the company looks: colours and logo of the configuration file, sent to the vendor once after the start.
//!
//! They belong to the company and not to a room, so nothing waits for them: what fails is tried again later and never stops
//! the start.

use std::time::Duration;

use bandyer_client::File;
use bandyer_client::company::Palette;
use bytes::BytesMut;
use url::Url;

use crate::vendor::{VendorClient, VendorError};

pub mod settings;

/// Largest logo that is read, in bytes: 500 KB, which is what the vendor takes.
const MAX_LOGO_BYTES: usize = 500 * 1024;
/// Time for reading the logo.
const LOGO_TIMEOUT: Duration = Duration::from_secs(15);

/// What the configuration file says.
#[derive(Debug, Clone, Default)]
pub struct Branding {
    /// Colours of the light mode.
    pub light: Option<Palette>,
    /// Colours of the dark mode.
    pub dark: Option<Palette>,
    /// Where the logo is. The operator's own address, and the only one that is ever read for it.
    pub logo: Option<Url>,
}

/// Why the logo cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// Its address cannot be requested.
    #[error("it cannot be read")]
    Unreadable(#[source] reqwest::Error),
    /// Its address returns an error status.
    #[error("its address returns status {0}")]
    Refused(reqwest::StatusCode),
    /// More than the vendor accepts.
    #[error("it is larger than 500 KB")]
    TooLarge,
    /// Not a supported format.
    #[error("it is neither PNG nor JPEG")]
    NoPicture,
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// What could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum BrandingError {
    /// The colours.
    #[error("cannot set the company's colours")]
    Colours(#[source] VendorError),
    /// The logo.
    #[error("cannot set the company's logo")]
    Logo(#[source] LogoError),
}

impl Branding {
    /// Sends everything, and returns what is left to send, with the first error if there is one.
    pub async fn push(mut self, vendor: &VendorClient) -> (Self, Result<(), BrandingError>) {
        let mut result = Ok(());
        if self.light.is_some() || self.dark.is_some() {
            match vendor.set_theme(self.light.clone(), self.dark.clone()).await {
                Ok(()) => (self.light, self.dark) = (None, None),
                Err(error) => result = Err(BrandingError::Colours(error)),
            }
        }
        if let Some(url) = &self.logo {
            match send_logo(url, vendor).await {
                Ok(()) => self.logo = None,
                Err(error) => result = result.and(Err(BrandingError::Logo(error))),
            }
        }
        (self, result)
    }
}

async fn send_logo(url: &Url, vendor: &VendorClient) -> Result<(), LogoError> {
    Ok(vendor.set_logo(&read_logo(url).await?).await?)
}

async fn read_logo(url: &Url) -> Result<File, LogoError> {
    // An address that sends elsewhere is not the one that the operator wrote.
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
    File::png(bytes.clone()).or_else(|_| File::jpeg(bytes)).map_err(|_| LogoError::NoPicture)
}
