//! Labels that the company offers for uploads.

pub(crate) mod v1;
pub(crate) mod v2;

use crate::http::call::Wire;
use jiff::Timestamp;

use crate::http::call::Unsendable;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;
use crate::types::model::model;

model! {
    /// A label.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Tag {
        required {
            /// The name.
            name: String = "name" | "tag",
        }
        optional {
            /// When it was added.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
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

impl Tags {
    /// Lists the labels. v1 returns all of them in one page. On v2 the path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let tags = client.tags().list().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Tag> {
        List::new(&self.connection, Operation::ListTags, (), |version, (), window| {
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
    pub fn create<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Request<Vec<Tag>> {
        self.change(Operation::CreateTags, names, v1::add, v2::add)
    }

    /// Deletes labels. v2 deletes one at a time. On v2 the path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// client.tags().delete(["x-ray"]).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Request<()> {
        self.change(Operation::DeleteTags, names, v1::remove, v2::remove)
    }

    fn change<N: AsRef<str>, T>(
        &self,
        operation: Operation,
        names: impl IntoIterator<Item = N>,
        v1: impl FnOnce(&[String]) -> Wire<T>,
        v2: impl FnOnce(&str) -> Wire<T>,
    ) -> Request<T> {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.connection.try_request(operation, |version| match (version, names.as_slice()) {
            (_, names) if names.is_empty() || !names.iter().all(|name| is_tag(name)) => {
                Err("tags consist of `A-Z a-z 0-9 . _ -`, and at least one is required".into())
            }
            (ApiVersion::V1, names) => Ok(v1(names)),
            (ApiVersion::V2, [name]) => Ok(v2(name)),
            (ApiVersion::V2, _) => Err(Unsendable::Unsupported("change several tags at once")),
        })
    }
}

fn is_tag(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
