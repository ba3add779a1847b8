export { MalformedObjectError, SecretConflictError, SourceError } from './errors.ts'
export { SecretEntry, type SecretEntryName } from './kubernetes/secret-entry.ts'
export { DEFAULT_METADATA_OPTIONS, Metadata, type MetadataOptions, type MetadataSource } from './metadata.ts'
