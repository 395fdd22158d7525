//! The vendor in one process.
