//! The business rules, as functions over values and the present moment. No async, no I/O, no clock.

pub mod ids;
pub mod link;
pub mod participants;
pub mod privileges;
pub mod schedule;
pub mod teleconsultation;
