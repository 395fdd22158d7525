//! What the README says is covered, is: the same operations, generation by generation, stand in its table, are sent to a
//! mock server as documented, and live in the emulator.

use std::collections::BTreeSet;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;

use crate::operations::cases;
use crate::scenarios::{ALL, World};

const README: &str = include_str!("../../bandyer-client/README.md");

/// The name of an operation, and its method and path with names in place of ids.
type Row = (String, String);

/// The cell of a generation, when it holds a path.
fn path_of(cell: &str) -> Option<String> {
    cell.split('`').nth(1).map(str::to_owned)
}

fn documented(version: ApiVersion) -> BTreeSet<Row> {
    let column = if version == ApiVersion::V1 { 3 } else { 4 };
    let table = README.split_once("| operation |").unwrap().1.split_once("</details>").unwrap().0;
    let rows = table.lines().skip(2).filter(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Some((cells[1].to_owned(), path_of(cells[column])?))
    })
    .collect()
}

/// Whether a path is one of a template: `/users/d/avatar` of `/users/{id}/avatar`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

/// The rows whose operation is sent to a mock server at that path, by the table of `operations.rs`.
fn sent_to_a_mock(version: ApiVersion, rows: &BTreeSet<Row>) -> BTreeSet<Row> {
    let cases = cases();
    let is_sent = |(name, route): &&Row| {
        cases.iter().filter(|case| case.name == name).any(|case| {
            let sent = if version == ApiVersion::V1 { &case.v1 } else { &case.v2 };
            sent.as_ref().is_some_and(|sent| fits(route, &format!("{} {}", sent.method, sent.path)))
        })
    };
    rows.iter().filter(is_sent).cloned().collect()
}

/// What the scenarios have the emulator carry out.
async fn lived_in_the_emulator(version: ApiVersion) -> BTreeSet<Row> {
    let mut lived = BTreeSet::new();
    for scenario in ALL {
        let world = World::new(version).await;
        scenario(&world).await;
        let done = world.emulator.calls().into_iter().filter(|call| call.status.is_some_and(|status| status < 300));
        lived.extend(done.map(|call| (call.operation.name().to_owned(), call.route.to_owned())));
    }
    lived
}

#[tokio::test]
async fn the_table_is_sent_as_documented_and_lives_in_the_emulator() {
    for (version, count) in [(ApiVersion::V1, 59), (ApiVersion::V2, 71)] {
        let documented = documented(version);
        assert_eq!(documented.len(), count, "{version}");
        assert_eq!(sent_to_a_mock(version, &documented), documented, "{version}");
        assert_eq!(lived_in_the_emulator(version).await, documented, "{version}");
    }
}

#[test]
fn nothing_is_sent_that_the_table_does_not_name() {
    let named: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    let in_cases: BTreeSet<&str> = cases().iter().map(|case| case.name).collect();
    let documented: BTreeSet<String> =
        [ApiVersion::V1, ApiVersion::V2].into_iter().flat_map(documented).map(|(name, _)| name).collect();
    assert_eq!(in_cases, named);
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<_>>(), named);
}
