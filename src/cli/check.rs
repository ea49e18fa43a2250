//! `check-config`: everything that can be found wrong without opening a connection.

use crate::config::{Config, Problems};
use crate::template::Templates;
use crate::tenant::Declaration;

use super::{Given, Outcome, say};

pub(super) fn run(given: &Given) -> Outcome {
    let config = given.config(None)?;
    let (counted, problems, warnings) = look(given, &config);
    for warning in warnings.iter() {
        say(&format!("警告 warning  {warning}"));
    }
    problems.or(())?;
    say(&format!("配置正确 settings are valid ({counted} declarations, {} warnings)", warnings.iter().count()));
    Ok(())
}

/// How many declarations there are, and the problems and warnings of all that the settings name.
pub(super) fn look(given: &Given, config: &Config) -> (usize, Problems, Problems) {
    let (mut problems, mut warnings) = (Problems::default(), config.warnings.clone());
    let mut counted = 0;
    if let Some(folder) = &config.tenants_dir {
        match Declaration::read_folder(folder, &given.env) {
            Ok(declarations) => {
                counted = declarations.len();
                for declaration in &declarations {
                    let about = |key: &str| format!("tenant {}: {key}", declaration.tenant.id);
                    declaration.warnings.iter().for_each(|found| warnings.push(about(&found.key), &found.what));
                }
            }
            Err(found) => found.iter().for_each(|found| problems.push(&found.key, &found.what)),
        }
    }
    if let Some(Err(found)) = config.template_dir.as_deref().map(Templates::load) {
        found.iter().for_each(|found| problems.push(&found.key, &found.what));
    }
    (counted, problems, warnings)
}
