//! Which groups make a person a plus or a basic user, and what each may use in a room.

use bandyer_client::rooms::Tools;
use serde::{Deserialize, Serialize};

/// What a person is to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May only join; on the platform a patient.
    Basic,
    /// Leads a room, and each room needs one; on the platform a doctor.
    Plus,
}

/// The groups and tools of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privilege {
    /// Groups whose members have the role.
    pub groups: Vec<String>,
    /// What they may use; all of it when none.
    pub tools: Option<Tools>,
}

/// The groups and tools of both roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// For basic users.
    pub basic: Privilege,
    /// For plus users.
    pub plus: Privilege,
}

impl Privileges {
    /// The role of a person, or none when no group is known. Of several the higher wins.
    #[must_use]
    pub fn role_of(&self, groups: &[String]) -> Option<Role> {
        let in_any = |privilege: &Privilege| groups.iter().any(|group| privilege.groups.contains(group));
        if in_any(&self.plus) {
            Some(Role::Plus)
        } else if in_any(&self.basic) {
            Some(Role::Basic)
        } else {
            None
        }
    }

    /// What a role may use in a room.
    #[must_use]
    pub const fn tools_of(&self, role: Role) -> Option<Tools> {
        match role {
            Role::Basic => self.basic.tools,
            Role::Plus => self.plus.tools,
        }
    }
}

/// The predecessor's defaults since 2.0: patients and doctors, all tools.
impl Default for Privileges {
    fn default() -> Self {
        let with = |group: &str| Privilege { groups: vec![group.to_owned()], tools: Some(Tools::all()) };
        Self { basic: with("patient"), plus: with("doctor") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Privileges, Role};

    #[test]
    fn the_higher_role_wins_and_unknown_groups_give_none() {
        let role = |groups: &[&str]| {
            Privileges::default().role_of(&groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(role(&["patient"]), Some(Role::Basic));
        assert_eq!(role(&["patient", "doctor"]), Some(Role::Plus));
        assert_eq!(role(&["nurse", "doctor"]), Some(Role::Plus));
        assert_eq!(role(&["nurse", "Doctor"]), None);
        assert_eq!(role(&[]), None);
    }
}
