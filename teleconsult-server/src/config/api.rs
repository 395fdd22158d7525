//! What single endpoints may do.

use super::reader::Reader;

/// What single endpoints may do.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Groups whose members get a background picture without asking.
    pub background_groups: Vec<String>,
    /// Whether the files of a call are deleted when the front end asks for it (`TELECONSULTATION_DELETE_UPLOADS`).
    pub delete_uploads: bool,
    /// Largest transcription that is passed on, in bytes (`TRANSCRIPTION_MAX_FILE_SIZE`).
    pub transcription_max_bytes: u64,
}

/// In bytes: the 50MB that the predecessor documents.
const DEFAULT_TRANSCRIPTION_BYTES: u64 = 50 * 1024 * 1024;

pub(super) fn read(reader: &mut Reader<'_>, background_groups: Vec<String>) -> ApiSettings {
    ApiSettings {
        background_groups,
        // Files are kept unless the operator decides otherwise, as in the predecessor.
        delete_uploads: reader.boolean("TELECONSULTATION_DELETE_UPLOADS", false),
        transcription_max_bytes: reader.file_size("TRANSCRIPTION_MAX_FILE_SIZE", DEFAULT_TRANSCRIPTION_BYTES),
    }
}
