//! The types of the file: what is read and what the schema describes.

use bandyer_client::rooms::Tools;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::part::Part;
use crate::auth::user_id_path::UserIdStep;
use crate::branding::settings::{CompanyLogo, Theme};
use crate::domain::privileges::Privilege;

/// The configuration file of the teleconsultation service. It replaces the defaults as a whole.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "teleconsult-server configuration")]
pub(super) struct Document {
    /// Which groups make a person a basic or a plus user, and what each may use in a room.
    pub(super) privileges: Part<PrivilegesSection>,
    /// Groups whose members get a background picture without asking.
    #[serde(default)]
    #[schemars(extend("default" = []))]
    pub(super) groups_with_background_list: Part<Vec<String>>,
    /// The way from the request to the caller's id; without it, the header that `USERID_HEADER_KEY` names.
    #[schemars(length(min = 1))]
    pub(super) user_id_path_in_request: Option<Part<Vec<UserIdStep>>>,
    /// Colours of the call page.
    pub(super) theme: Option<Part<Theme>>,
    /// The company's picture on the call page.
    pub(super) company_logo: Option<Part<CompanyLogo>>,
    /// Which field of a user is matched, and which one holds the identity provider's id.
    pub(super) custom_user_id: Option<Part<CustomUserIdSection>>,
    /// Never had an effect; old files hold it.
    #[serde(rename = "environment")]
    _environment: Option<Part<String>>,
    /// Never had an effect; old files hold it.
    #[serde(rename = "mode")]
    _mode: Option<Part<String>>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub(super) unknown: Map<String, Value>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "Privileges")]
pub(super) struct PrivilegesSection {
    /// For those who may only join, such as patients.
    pub(super) basic: Part<PrivilegeSection>,
    /// For those who lead, such as doctors; each room needs one.
    pub(super) plus: Part<PrivilegeSection>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Privilege")]
pub(super) struct PrivilegeSection {
    /// Groups whose members have the role.
    #[schemars(length(min = 1))]
    pub(super) groups: Vec<String>,
    /// What they may use; all of it when absent, and what is not named is off.
    #[serde(default)]
    #[schemars(schema_with = "tools_schema")]
    tools: Option<Tools>,
}

impl From<PrivilegeSection> for Privilege {
    fn from(section: PrivilegeSection) -> Self {
        Self { groups: section.groups, tools: section.tools }
    }
}

/// The SDK's type has no schema; its own output names the tools.
fn tools_schema(_: &mut SchemaGenerator) -> Schema {
    let names = serde_json::to_value(Tools::none()).ok().and_then(|tools| tools.as_object().cloned());
    let flag = json!({"type": "boolean", "default": false});
    let tools: Map<String, Value> = names.into_iter().flatten().map(|(name, _)| (name, flag.clone())).collect();
    schemars::json_schema!({"type": ["object", "null"], "properties": tools})
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "CustomUserId")]
pub(super) struct CustomUserIdSection {
    /// The field that equals the received id; `_id` unless set.
    pub(super) source: Option<String>,
    /// The field that holds the identity provider's id; `authUserId` unless set.
    pub(super) target: Option<String>,
}

/// The JSON Schema of the file, for editors and pipelines.
#[must_use]
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<Document>()
        .to_value()
}
