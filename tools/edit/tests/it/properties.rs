//! What must hold for every edit.
