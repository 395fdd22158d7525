//! The operation table in the README, the requests in `operations.rs` and the operations of the emulator are the same, for
//! both API versions.

use std::collections::BTreeSet;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Operation;

use crate::operations::cases;
use crate::scenarios::{ALL, World};

const README: &str = include_str!("../../bandyer-client/README.md");

/// The name of an operation, and its method and path template.
type Row = (String, String);

/// The path in a cell of the table, if any.
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

/// Whether a path matches a template: `/users/d/avatar` matches `/users/{id}/avatar`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

/// The rows that `operations.rs` sends to a mock server with the same method and path.
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

/// The operations that the scenarios run successfully in the emulator.
async fn run_in_the_emulator(version: ApiVersion) -> BTreeSet<Row> {
    let mut completed = BTreeSet::new();
    for scenario in ALL {
        let world = World::new(version).await;
        scenario(&world).await;
        let calls = world.emulator.calls().into_iter().filter(|call| call.status.is_some_and(|status| status < 300));
        completed.extend(calls.map(|call| (call.operation.name().to_owned(), call.route.to_owned())));
    }
    completed
}

#[tokio::test]
async fn every_table_row_is_sent_as_documented_and_emulated() {
    for (version, count) in [(ApiVersion::V1, 59), (ApiVersion::V2, 71)] {
        let documented = documented(version);
        assert_eq!(documented.len(), count, "{version}");
        assert_eq!(sent_to_a_mock(version, &documented), documented, "{version}");
        assert_eq!(run_in_the_emulator(version).await, documented, "{version}");
    }
}

#[test]
fn every_operation_is_in_the_table() {
    let named: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    let in_cases: BTreeSet<&str> = cases().iter().map(|case| case.name).collect();
    let documented: BTreeSet<String> =
        [ApiVersion::V1, ApiVersion::V2].into_iter().flat_map(documented).map(|(name, _)| name).collect();
    assert_eq!(in_cases, named);
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<_>>(), named);
}
