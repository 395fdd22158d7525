//! Labels that the company offers for uploads.

mod json;
pub(crate) mod v1;
pub(crate) mod v2;

use jiff::Timestamp;

use crate::client::handle;
use crate::config::ApiVersion;
use crate::error::Error;
use crate::http::call::Lacking;
use crate::http::list::List;
use crate::http::request::Request;

/// A label.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tag {
    /// The name.
    pub name: String,
    /// When it was added.
    pub created_at: Option<Timestamp>,
}

handle! {
    /// Operations on labels; from [`Client::tags`](crate::Client::tags). On v2 the paths are inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.tags().create(["x-ray"]).send().await?;
    /// for tag in client.tags().list().send().await?.items {
    ///     println!("{}", tag.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Tags
}

impl<'a> Tags<'a> {
    /// Lists the labels. v1 returns all of them in one page. On v2 the path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let tags = client.tags().list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn list(self) -> List<'a, Tag> {
        List::new(self.client, "list tags", (), |version, (), window| {
            Ok(match version {
                ApiVersion::V1 => v1::list(),
                ApiVersion::V2 => v2::list(window),
            })
        })
    }

    /// Creates labels, made of `[A-Za-z0-9._-]`, and returns the new ones. v2 creates one at a time; its path and
    /// body are inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let new = client.tags().create(["x-ray"]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Request<'a, Vec<Tag>> {
        self.change("create tags", names, v1::add, v2::add)
    }

    /// Deletes labels. v2 deletes one at a time. On v2 the path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// client.tags().delete(["x-ray"]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Request<'a, ()> {
        self.change("delete tags", names, v1::remove, v2::remove)
    }

    fn change<N: AsRef<str>, T>(
        self,
        operation: &'static str,
        names: impl IntoIterator<Item = N>,
        v1: impl FnOnce(&[String]) -> crate::http::call::Wire<T>,
        v2: impl FnOnce(&str) -> crate::http::call::Wire<T>,
    ) -> Request<'a, T> {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        if names.is_empty() || !names.iter().all(|name| is_tag(name)) {
            let error =
                Error::invalid_request(operation, "tags consist of `A-Z a-z 0-9 . _ -`, and at least one is required");
            return Request::new(self.client, operation, Err(error));
        }
        self.client.offered(operation, |version| match (version, names.as_slice()) {
            (ApiVersion::V1, names) => Ok(v1(names)),
            (ApiVersion::V2, [name]) => Ok(v2(name)),
            (ApiVersion::V2, _) => Err(Lacking::Part("change several tags at once")),
        })
    }
}

fn is_tag(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
