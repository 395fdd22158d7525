//! People: their vendor users, and their groups and names.

pub mod auth_service;
pub mod custom_id;
pub mod directory;
pub mod profiles;
