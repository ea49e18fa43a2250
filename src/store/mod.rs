//! The only code that knows diesel: schema, migrations, one file per aggregate, the group-commit writer.
