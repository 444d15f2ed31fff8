//! SWE-Gym and SWE-Gym Lite: images, specs, dialect.
