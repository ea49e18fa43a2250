//! Customer-visible texts per tenant and language. Knows templates, not when they are sent.
//!
//! A text is looked up as `<tenant>/<lang>/<name>.txt`, then `default/<lang>/<name>.txt`, in the folder of the
//! settings; then it is the built-in one. Every text is tried when it is loaded, so that a typo is found at start and
//! not by a customer.

mod prompt;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub use prompt::{Lang, Prompt};

use crate::config::Problems;
use crate::model::id::TenantId;

/// Longest text of a template, bytes: one WeChat text message holds 2,048.
const MAX_BYTES: usize = 2_000;

/// For whom a text is.
#[derive(Debug, Clone, Copy)]
pub struct Audience<'a> {
    /// The enterprise that speaks.
    pub tenant: &'a TenantId,
    /// Its name as customers see it.
    pub name: &'a str,
    /// The customer's language.
    pub lang: Lang,
}

/// A text that could not be rendered although it was tried when it was loaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the text '{name}'")]
pub struct Error {
    name: &'static str,
    #[source]
    source: minijinja::Error,
}

type Key = (Option<TenantId>, Lang, &'static str);

/// The loaded texts.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    texts: HashMap<Key, String>,
}

impl Templates {
    /// Only the built-in texts.
    #[must_use]
    pub fn built_in() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_name| AutoEscape::None);
        Self { environment, texts: HashMap::new() }
    }

    /// The texts of `folder` over the built-in ones.
    ///
    /// # Errors
    /// Every file that cannot be read, has a name that is no text's, uses an unknown variable or does not render.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        let mut this = Self::built_in();
        let mut problems = Problems::default();
        for tenant in names(folder, &mut problems) {
            let owner = match tenant.as_str() {
                "default" => None,
                name => match TenantId::parse(name) {
                    Ok(id) => Some(id),
                    Err(error) => {
                        problems.push(folder.join(name).display().to_string(), error.to_string());
                        continue;
                    }
                },
            };
            this.load_tenant(&folder.join(&tenant), owner.as_ref(), &mut problems);
        }
        problems.or(this)
    }

    fn load_tenant(&mut self, folder: &Path, owner: Option<&TenantId>, problems: &mut Problems) {
        for name in names(folder, problems) {
            let path = folder.join(&name);
            match Lang::ALL.into_iter().find(|lang| lang.as_str() == name) {
                Some(lang) => self.load_lang(&path, owner, lang, problems),
                None => problems.push(path.display().to_string(), "is not a language (zh, en)"),
            }
        }
    }

    fn load_lang(&mut self, folder: &Path, owner: Option<&TenantId>, lang: Lang, problems: &mut Problems) {
        for file in names(folder, problems) {
            let path = folder.join(&file);
            let prompt = Prompt::SAMPLES.into_iter().find(|prompt| file.strip_suffix(".txt") == Some(prompt.name()));
            let loaded = match prompt {
                None => Err("is not the name of a text".to_owned()),
                Some(prompt) => fs::read_to_string(&path)
                    .map_err(|error| format!("cannot be read: {error}"))
                    .and_then(|text| self.check(&prompt, &text).map(|()| (prompt.name(), text))),
            };
            match loaded {
                Ok((name, text)) => {
                    self.texts.insert((owner.cloned(), lang, name), text);
                }
                Err(what) => problems.push(path.display().to_string(), what),
            }
        }
    }

    /// Whether the text parses, uses only its own variables, and renders to something that can be sent.
    fn check(&self, prompt: &Prompt<'_>, text: &str) -> Result<(), String> {
        if text.len() > MAX_BYTES {
            return Err(format!("is longer than {MAX_BYTES} bytes"));
        }
        let template = self.environment.template_from_str(text).map_err(|error| error.to_string())?;
        let used = template.undeclared_variables(false);
        if let Some(name) = used.difference(&prompt.variable_names()).min() {
            return Err(format!("uses the unknown variable '{name}'"));
        }
        let sample = template.render(prompt.variables("驿站")).map_err(|error| error.to_string())?;
        if sample.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(()) }
    }

    /// The text for this audience, without white space around it.
    ///
    /// # Errors
    /// When the text needs a value that the sample did not show to be a problem.
    pub fn render(&self, audience: &Audience<'_>, prompt: &Prompt<'_>) -> Result<String, Error> {
        let of = |tenant| self.texts.get(&(tenant, audience.lang, prompt.name())).map(String::as_str);
        let text =
            of(Some(audience.tenant.clone())).or_else(|| of(None)).unwrap_or_else(|| prompt.built_in(audience.lang));
        self.environment
            .render_str(text, prompt.variables(audience.name))
            .map(|rendered| rendered.trim().to_owned())
            .map_err(|source| Error { name: prompt.name(), source })
    }
}

/// The names in a folder, sorted; names that start with a dot are left out.
fn names(folder: &Path, problems: &mut Problems) -> Vec<String> {
    let listed = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect()
    });
    let mut names: Vec<String> = listed.unwrap_or_else(|error: std::io::Error| {
        problems.push(folder.display().to_string(), format!("cannot be read: {error}"));
        Vec::new()
    });
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(tenant: &TenantId, lang: Lang) -> Audience<'_> {
        Audience { tenant, name: "示例银行", lang }
    }

    fn bank() -> TenantId {
        TenantId::parse("bank").unwrap()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn every_built_in_text_is_sound_in_both_languages() {
        let templates = Templates::built_in();
        for (prompt, lang) in Prompt::SAMPLES.into_iter().flat_map(|prompt| Lang::ALL.map(|lang| (prompt, lang))) {
            templates.check(&prompt, prompt.built_in(lang)).unwrap();
            let text = templates.render(&audience(&bank(), lang), &prompt).unwrap();
            assert!(!text.contains("{{") && text == text.trim() && text.len() <= 600, "{text}");
        }
        for (lang, position, place) in [
            (Lang::Zh, 1, "您是下一位"),
            (Lang::Zh, 3, "您前面还有 2 位"),
            (Lang::En, 1, "you are next"),
            (Lang::En, 3, "2 ahead of you"),
        ] {
            let notice = templates.render(&audience(&bank(), lang), &Prompt::QueueNotice { position }).unwrap();
            assert!(notice.contains(place), "{notice}");
        }
    }

    #[test]
    fn the_folder_of_the_repository_loads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        assert_eq!(Templates::load(&folder).unwrap().texts.len(), Prompt::SAMPLES.len() * Lang::ALL.len());
    }

    #[test]
    fn a_tenant_goes_over_default_goes_over_built_in() {
        let dir = folder(&[
            ("bank/zh/connected.txt", "{{ agent }} <b> {{ tenant }}\n"),
            ("default/zh/connected.txt", "默认 {{ agent }}"),
        ]);
        let templates = Templates::load(dir.path()).unwrap();
        let text = |tenant: &str, lang| {
            let tenant = TenantId::parse(tenant).unwrap();
            templates.render(&audience(&tenant, lang), &Prompt::Connected { agent: "<小李>" }).unwrap()
        };
        assert_eq!(text("bank", Lang::Zh), "<小李> <b> 示例银行");
        assert_eq!(text("shop", Lang::Zh), "默认 <小李>");
        assert!(text("bank", Lang::En).starts_with("You are talking to <小李>"));
    }

    #[test]
    fn values_are_never_read_as_templates() {
        let hostile = Prompt::Connected { agent: "{{ tenant }}" };
        let text = Templates::built_in().render(&audience(&bank(), Lang::Zh), &hostile).unwrap();
        assert!(text.contains("{{ tenant }}"), "{text}");
    }

    #[test]
    fn every_unsound_file_is_reported_at_once() {
        let dir = folder(&[
            ("bank/zh/greeting.txt", "{{ agent }}"),
            ("bank/zh/ended.txt", "{% if x"),
            ("bank/zh/hello.txt", "x"),
            ("bank/fr/ended.txt", "x"),
            ("bank/en/ended.txt", " \n"),
            ("bank/en/closed.txt", &"x".repeat(MAX_BYTES + 1)),
            ("no tenant/en/ended.txt", "x"),
        ]);
        let problems = Templates::load(dir.path()).unwrap_err().to_string();
        for expected in [
            "bank/zh/greeting.txt: uses the unknown variable 'agent'",
            "bank/zh/ended.txt: syntax error",
            "bank/zh/hello.txt: is not the name of a text",
            "bank/fr: is not a language",
            "bank/en/ended.txt: is empty",
            "bank/en/closed.txt: is longer than",
            "no tenant: must be 1 to 64",
        ] {
            assert!(problems.contains(expected), "{expected} is missing in\n{problems}");
        }
    }
}
