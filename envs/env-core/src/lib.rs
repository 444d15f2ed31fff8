//! Instances, environments, patches, reports; log parsers and grading.
