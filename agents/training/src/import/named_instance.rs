//! The instance that a file is named after.

/// Returns the instance that a file, or a folder that it is in, is named after, such as `django__django-11099` of
/// `django__django-11099.traj`.
pub(crate) fn named_instance(path: &str) -> Result<String, String> {
    let unnamed = || {
        "does not say which instance it is of, and neither does its path\nhint: name the file after its instance, such as \
         `django__django-11099.traj`"
            .to_owned()
    };
    path.rsplit('/').find_map(instance).map(str::to_owned).ok_or_else(unnamed)
}

/// Returns the instance that a name begins with.
fn instance(name: &str) -> Option<&str> {
    let ends = name.char_indices().filter(|(_, c)| *c == '.').map(|(at, _)| at).chain([name.len()]);
    let is_id = |name: &&str| {
        name.contains("__") && name.rsplit_once('-').is_some_and(|(_, number)| number.parse::<u64>().is_ok())
    };
    // Harbor: `<instance>__<word>` for a trial.
    let trial = name.rsplit_once("__").map(|(instance, _)| instance);
    ends.filter_map(|end| name.get(..end)).find(is_id).or(trial.filter(is_id))
}
