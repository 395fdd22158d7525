//! The structure of the sources: modules import each other in one direction only, and one file reads the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of a crate, lowest first. A module imports only modules of lower layers, and none of its own layer.
struct Layers {
    order: &'static [&'static [&'static str]],
    /// Modules that may import less than their place in the order allows.
    confined: &'static [(&'static str, &'static [&'static str])],
}

const SERVER: Layers = Layers {
    order: &[
        &["base"],
        &["telemetry"],
        &["domain"],
        &["platform", "vendor"],
        &["store"],
        &["people", "auth"],
        &["rooms", "branding"],
        &["use_cases"],
        &["jobs"],
        &["http", "server"],
        &["api"],
        &["config"],
        &["app"],
        &["cli"],
    ],
    // They know neither the routes nor the product.
    confined: &[("http", &["base", "telemetry"]), ("server", &["base", "telemetry"])],
};

#[test]
fn the_servers_modules_import_only_lower_layers() {
    let problems = problems(Path::new("teleconsult-server/src"), &SERVER);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

const CLIENT: Layers = Layers {
    order: &[
        &["types"],
        &["config", "operations"],
        &["error"],
        &["http"],
        &[
            "chats",
            "credentials",
            "links",
            "recordings",
            "signatures",
            "tags",
            "transcripts",
            "uploads",
            "user_details",
            "webhooks",
        ],
        &["channels", "rooms", "sessions"],
        &["activity", "broadcasts", "events"],
        &["users"],
        &["company"],
        &["client"],
        &["emulator"],
    ],
    confined: &[],
};

#[test]
fn the_clients_modules_import_only_lower_layers() {
    let problems = problems(Path::new("bandyer-client/src"), &CLIENT);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn neither_api_version_imports_the_other() {
    let mut found = 0;
    for path in source_files(Path::new("bandyer-client/src")) {
        let other = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("v1") => "v2::",
            Some("v2") => "v1::",
            _ => continue,
        };
        found += 1;
        let text = fs::read_to_string(&path).unwrap();
        assert!(!code_lines(&text).iter().any(|(_, line)| line.contains(other)), "{} uses {other}", path.display());
    }
    assert!(found > 20, "{found} files");
}

#[test]
fn the_server_reads_the_systems_clock_in_one_place() {
    let mut readers = Vec::new();
    for path in source_files(Path::new("teleconsult-server/src")) {
        let text = fs::read_to_string(&path).unwrap();
        if code_lines(&text).iter().any(|(_, line)| line.contains("Timestamp::now")) {
            readers.push(path);
        }
    }
    assert_eq!(readers, [Path::new("teleconsult-server/src/base/clock.rs")]);
}

struct Import {
    place: String,
    from: String,
    to: String,
}

/// One line for each import that the layers forbid, and one for each circle of top-level modules.
fn problems(root: &Path, layers: &Layers) -> Vec<String> {
    let layer_of = |module: &str| layers.order.iter().position(|layer| layer.contains(&module));
    let is_allowed = |from: &str, to: &str| match layers.confined.iter().find(|(module, _)| *module == from) {
        Some((_, allowed)) => allowed.contains(&to),
        None => layer_of(from).zip(layer_of(to)).is_some_and(|(from, to)| to < from),
    };
    let imports = imports(root);
    let forbidden = imports.iter().filter(|import| !is_allowed(&import.from, &import.to));
    let lines = forbidden.map(|Import { place, from, to }| format!("{place}: {from} imports {to}"));
    lines.chain(circles(&imports)).collect()
}

/// The sets of modules that import each other, directly or through others.
fn circles(imports: &[Import]) -> BTreeSet<String> {
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Import { from, to, .. } in imports {
        reached.entry(from).or_default().insert(to);
    }
    for middle in reached.clone().into_keys() {
        let beyond = reached[middle].clone();
        for modules in reached.values_mut().filter(|modules| modules.contains(middle)) {
            modules.extend(&beyond);
        }
    }
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|modules| modules.contains(to));
    let circle_of = |module: &str| {
        let members = reached.keys().copied().filter(|other| reaches(module, other) && reaches(other, module));
        members.collect::<Vec<_>>().join(", ")
    };
    reached
        .keys()
        .filter(|module| reaches(module, module))
        .map(|module| format!("circle: {}", circle_of(module)))
        .collect()
}

/// The imports between different top-level modules, outside of tests.
fn imports(root: &Path) -> Vec<Import> {
    let mut imports = Vec::new();
    for path in source_files(root) {
        let from = path.strip_prefix(root).unwrap().components().next().unwrap();
        let from = from.as_os_str().to_str().unwrap().trim_end_matches(".rs");
        // The roots declare all modules.
        if ["lib", "main"].contains(&from) {
            continue;
        }
        for (number, line) in code_lines(&fs::read_to_string(&path).unwrap()) {
            let place = format!("{}:{number}", path.display());
            for (_, rest) in line.match_indices("crate::").map(|(at, prefix)| line.split_at(at + prefix.len())) {
                let to: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                assert!(!to.is_empty(), "{place}: one `use` for each module, please: {line}");
                if to != from {
                    imports.push(Import { place: place.clone(), from: from.to_owned(), to });
                }
            }
        }
    }
    imports
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The numbered lines of a file without comments and without `#[cfg(test)]` modules, which end at a brace with the same
/// indentation.
fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut end_of_tests = None;
    let mut previous = "";
    for (index, line) in text.lines().enumerate() {
        let indentation = &line[..line.len() - line.trim_start().len()];
        if end_of_tests.is_none() && previous.trim() == "#[cfg(test)]" && line.trim_start().starts_with("mod ") {
            end_of_tests = line.ends_with('{').then(|| format!("{indentation}}}"));
        } else if end_of_tests.as_deref() == Some(line) {
            end_of_tests = None;
        } else if end_of_tests.is_none() && !line.trim_start().starts_with("//") {
            lines.push((index + 1, line));
        }
        previous = line;
    }
    lines
}
