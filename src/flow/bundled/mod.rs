//! The flows that come with the program, in Chinese and in English. Knows no tenant: whoever wants them declares them.

use rust_embed::Embed;

/// The folder `flows/`, built into the program.
#[derive(Embed)]
#[folder = "flows/"]
struct Files;

/// A flow that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundled {
    /// The flow's name, which is also its file's.
    pub name: String,
    /// Its path below `flows/`, for problems.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// The bundled flows in a language (`zh`, `en`), sorted by name; none for a language that they are not written in.
#[must_use]
pub fn bundled(lang: &str) -> Vec<Bundled> {
    let folder = format!("default/{lang}/");
    let mut found: Vec<Bundled> = Files::iter()
        .filter_map(|file| {
            let name = file.strip_prefix(&folder)?.strip_suffix(".yaml")?.to_owned();
            let text = String::from_utf8(Files::get(&file)?.data.into_owned()).ok()?;
            Some(Bundled { name, file: file.into_owned(), text })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[cfg(test)]
mod tests;
