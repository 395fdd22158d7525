//! What single endpoints may do.

use super::reader::Reader;
use crate::api::state::EndpointSettings;

/// In bytes: the 50MB that the predecessor documents.
const DEFAULT_TRANSCRIPTION_BYTES: u64 = 50 * 1024 * 1024;

pub(super) fn read(reader: &mut Reader<'_>, background_groups: Vec<String>) -> EndpointSettings {
    EndpointSettings {
        background_groups,
        // Files are kept unless the operator decides otherwise, as in the predecessor.
        delete_uploads: reader.boolean("TELECONSULTATION_DELETE_UPLOADS", false),
        transcription_max_bytes: reader.file_size("TRANSCRIPTION_MAX_FILE_SIZE", DEFAULT_TRANSCRIPTION_BYTES),
    }
}
