export { MalformedObjectError, SourceError } from './errors.ts'
export { DEFAULT_METADATA_OPTIONS, Metadata, type MetadataOptions, type MetadataSource } from './metadata.ts'
