//! All modules as one script, and all styles as one sheet: a browser that fetched fifty files, six at a time, would draw the
//! first chart a fifth of a second later. It knows the few forms in which our modules import and export, and a test holds
//! every module to them.

use super::files::Embedded;

/// Styles in the order in which they are given: what comes later wins.
pub(super) fn sheet(files: &[Embedded]) -> String {
    files.iter().map(text).collect()
}

/// Modules, each after those that it imports from: each becomes a function that is called once, and what it exports the
/// value of that call.
pub(super) fn script(files: &[Embedded]) -> String {
    let mut waiting: Vec<&Embedded> = files.iter().collect();
    let mut script = String::new();
    while !waiting.is_empty() {
        // A test proves that there is no circle; in one, any is as good as the other.
        let free = |file: &&Embedded| {
            !waiting.iter().any(|other| other.name != file.name && imports(file, other.name))
        };
        let place = waiting.iter().position(free).unwrap_or(0);
        script.push_str(&wrapped(waiting.remove(place)));
    }
    script
}

fn wrapped(file: &Embedded) -> String {
    let mut exported = Vec::new();
    let mut body = String::new();
    for line in text(file).lines() {
        let line = match (imported(line), export(line)) {
            (Some((names, from)), _) => {
                // `a as b` of an import is `a: b` of an object that is taken apart.
                format!("const {{{}}} = {};", names.replace(" as ", ": "), variable(from))
            }
            (_, Some((name, rest))) => {
                exported.push(name);
                rest.to_owned()
            }
            _ => line.to_owned(),
        };
        body.push_str(&line);
        body.push('\n');
    }
    format!(
        "const {} = (() => {{\n{body}return {{ {} }};\n}})();\n",
        variable(file.name),
        exported.join(", ")
    )
}

fn imports(file: &Embedded, name: &str) -> bool {
    text(file).lines().filter_map(imported).any(|(_, from)| from == name)
}

/// `import { a, b as c } from "./name.js";`: what is between the braces, and the name.
fn imported(line: &str) -> Option<(&str, &str)> {
    let (names, from) = line.strip_prefix("import {")?.split_once("} from \"./")?;
    Some((names, from.strip_suffix("\";")?))
}

/// `export const name`, `export function name`, `export async function name`, `export class name`: the name, and the line
/// without its first word.
fn export(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("export ")?;
    let named = ["const ", "function ", "async function ", "class "]
        .iter()
        .find_map(|kind| rest.strip_prefix(kind))?;
    let end = named.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')?;
    Some((&named[..end], rest))
}

/// `days-card.js` becomes `$days_card`: no module has such a name of its own.
fn variable(name: &str) -> String {
    format!("${}", name.trim_end_matches(".js").replace('-', "_"))
}

fn text(file: &Embedded) -> &str {
    std::str::from_utf8(file.bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::files;
    use super::*;

    const fn module(name: &'static str, text: &'static str) -> Embedded {
        Embedded { name, kind: "text/javascript", bytes: text.as_bytes() }
    }

    #[test]
    fn a_module_stands_after_what_it_imports_from() {
        let files = [
            module("main.js", "import { go as went, STOP } from \"./days-card.js\";\nwent(STOP);\n"),
            module(
                "days-card.js",
                "export const STOP = 1;\nexport async function go(when) {\n  return when;\n}\nconst own = 2;\n",
            ),
        ];
        assert_eq!(
            script(&files),
            "const $days_card = (() => {\nconst STOP = 1;\nasync function go(when) {\n  return when;\n}\nconst own = 2;\n\
             return { STOP, go };\n})();\nconst $main = (() => {\nconst { go: went, STOP } = $days_card;\nwent(STOP);\nreturn {  };\n})();\n"
        );
    }

    #[test]
    fn no_module_imports_or_exports_in_another_form_or_from_one_that_leads_back_to_it() {
        let mut lines = 0;
        for file in files::MODULES {
            assert!(std::str::from_utf8(file.bytes).is_ok(), "{}", file.name);
            for line in text(file).lines() {
                if line.starts_with("import") || line.trim_start().starts_with("export ") {
                    lines += 1;
                    let known = imported(line)
                        .is_some_and(|(_, from)| files::MODULES.iter().any(|other| other.name == from));
                    assert!(known || export(line).is_some(), "{}: {line}", file.name);
                }
                assert!(!line.contains("import(") && !line.contains("import.meta"), "{}: {line}", file.name);
            }
        }
        assert!(lines > 200, "{lines}");
        let script = script(files::MODULES);
        for file in files::MODULES {
            let declared = script.find(&format!("const {} =", variable(file.name))).unwrap();
            let used = script.find(&format!("}} = {};", variable(file.name)));
            assert!(used.is_none_or(|used| declared < used), "{} leads back to itself", file.name);
        }
    }
}
