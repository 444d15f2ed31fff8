//! OpenHands-style agent: bash, str_replace_editor, think and finish.
